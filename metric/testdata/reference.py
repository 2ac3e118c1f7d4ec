"""Writes reference.json beside this file: what scikit-learn, SciPy and NumPy say of made-up scores.

Run with any Python that has torch, scikit-learn and scipy (made with 1.13, 1.2.1 and 1.10):
python3 metric/testdata/reference.py

Scores have one decimal, so that some rows have ties for the greatest. In the case
"gaps" one class has no sample, one is never predicted and one is neither. The logits
of the probabilities have no ties, which are broken in another way here.
"""

import json
import pathlib
import random as stdlib_random
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import numpy as np
from reference import number, values
from scipy.special import entr, rel_entr, softmax, xlogy
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

warnings.simplefilter("ignore")  # of top k where that is all classes
random = np.random.RandomState(0)


def average(labels, predicted, classes, how):
    return precision_recall_fscore_support(labels, predicted, labels=classes, average=how, zero_division=0)[:3]


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
        "macro": average(labels, predicted, classes, "macro"),
        "micro": average(labels, predicted, classes, "micro"),
        "weighted": average(labels, predicted, classes, "weighted"),
        "reports": [
            {
                "names": names,
                "text": classification_report(
                    labels, predicted, labels=classes, target_names=names, zero_division=0
                ),
            }
            for names in [[f"class {c}" for c in classes], [f"{c} of the sørt with a long name" for c in classes]]
        ],
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



def calibration_error(probabilities, labels, bins):
    """The formula of Guo et al., 2017, bin by bin."""
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    error = 0.0
    for b in range(1, bins + 1):
        inside = ((b - 1) / bins < confidence) & (confidence <= b / bins)
        if inside.any():
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return error


probabilities = []
rng = stdlib_random.Random(0)
for n, c in [(60, 4), (33, 7), (1, 3), (5, 2)]:
    logits = values(rng, (n, c)).numpy()
    labels = np.where(random.random_sample(n) < 0.6, logits.argmax(1), random.randint(0, c, n))
    p = softmax(logits, 1)
    classes = list(range(c))
    top = {1: float((labels == logits.argmax(1)).mean())}
    for k in range(1 if c > 2 else 2, c + 1):
        top[k] = top_k_accuracy_score(labels, logits, k=k, labels=classes) if c > 2 else 1.0
    probabilities.append(
        {
            "logits": logits.tolist(),
            "labels": labels.tolist(),
            "top": [top[k] for k in range(1, c + 1)],
            "log_loss": log_loss(labels, p, labels=classes),
            "calibration": [{"bins": b, "error": calibration_error(p, labels, b)} for b in [1, 2, 10, 15]],
        }
    )

# Confidences that are bounds of bins of a tenth belong to the bin below, with those in it.
bounds = np.array([[v, 1 - v] for v in [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0]])
bounds_labels = np.array([0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1])
edges = {
    "probabilities": bounds.tolist(),
    "labels": bounds_labels.tolist(),
    "error": calibration_error(bounds, bounds_labels, 10),
}

information = []
for p, q in [
    ([0.5, 0.25, 0.25], [0.25, 0.25, 0.5]),
    ([0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]),
    ([1.0, 0.0, 0.0], [0.2, 0.3, 0.5]),
    ([0.2, 0.8, 0.0], [0.3, 0.7, 0.0]),
    ([0.2, 0.3, 0.5], [0.5, 0.5, 0.0]),
    ([1.0], [1.0]),
    ([1e-300, 1.0], [0.5, 0.5]),
    (random.dirichlet(np.ones(20)).tolist(), random.dirichlet(np.ones(20)).tolist()),
]:
    p, q = np.array(p), np.array(q)
    figures = {"entropy": entr(p).sum(), "cross_entropy": -xlogy(p, q).sum(), "kl": rel_entr(p, q).sum()}
    information.append({"p": p.tolist(), "q": q.tolist()} | {k: number(v) for k, v in figures.items()})

groups = {
    "classification": [plain, gaps],
    "loss": mean,
    "probabilities": probabilities,
    "edges": edges,
    "information": information,
}
path = HERE / "reference.json"
path.write_text(json.dumps(groups, allow_nan=False) + "\n")
