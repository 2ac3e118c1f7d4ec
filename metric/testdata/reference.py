"""Writes reference.json beside this file: what scikit-learn and NumPy say of made-up scores.

Scores have one decimal, so that some rows have ties for the greatest. In the case
"gaps" one class has no sample, one is never predicted and one is neither.
"""

import json
import pathlib

import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

random = np.random.RandomState(0)


def case(name, scores, labels):
    classes = list(range(scores.shape[1]))
    predicted = scores.argmax(1)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    return {
        "name": name,
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "accuracy": accuracy_score(labels, predicted),
        "confusion": confusion_matrix(labels, predicted, labels=classes).tolist(),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
    }


def scores(n, c, labels):
    return np.round(random.normal(size=(n, c)) + 1.2 * np.eye(c)[labels], 1)


labels = random.randint(0, 4, 50)
plain = case("plain", scores(50, 4, labels), labels)

labels = random.choice([0, 2, 4], 30)
gapped = scores(30, 5, labels)
gapped[:, [2, 3]] -= 10
gaps = case("gaps", gapped, labels)

labels = random.randint(0, 3, 23)
probabilities = random.dirichlet(np.ones(3), 23)
sizes = [10, 10, 3]
batches, start = [], 0
for n in sizes:
    part = slice(start, start + n)
    batches.append(log_loss(labels[part], probabilities[part], labels=[0, 1, 2]))
    start += n
mean = {"batches": batches, "sizes": sizes, "mean": log_loss(labels, probabilities)}

path = pathlib.Path(__file__).with_name("reference.json")
path.write_text(json.dumps({"classification": [plain, gaps], "loss": mean}) + "\n")
