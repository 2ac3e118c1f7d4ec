"""Writes ranking.json beside this file: what scikit-learn says of how scores rank samples.

Run with any Python that has scikit-learn (made with 1.2.1): python3 metric/testdata/ranking.py

Scores of few decimals have ties, within positive samples, within others and across.
"""

import json
import pathlib

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

random = np.random.RandomState(0)


def case(name, scores, positive):
    fpr, tpr, thresholds = roc_curve(positive, scores, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(positive, scores)
    return {
        "name": name,
        "scores": scores.tolist(),
        "positive": [bool(v) for v in positive],
        "fpr": fpr.tolist(),
        "tpr": tpr.tolist(),
        "thresholds": thresholds[1:].tolist(),  # the first is above all scores
        "precision": precision[::-1].tolist(),
        "recall": recall[::-1].tolist(),
        "roc_auc": roc_auc_score(positive, scores),
        "average_precision": average_precision_score(positive, scores),
    }


def drawn(name, n, share, decimals):
    positive = random.rand(n) < share
    positive[:2] = [True, False]
    return case(name, np.round(random.randn(n) + positive, decimals), positive)


def several(samples, classes, decimals):
    scores = np.round(random.dirichlet(np.ones(classes), samples), decimals)
    labels = random.randint(0, classes, samples)
    scores[np.arange(samples), labels] += 0.2
    one = np.eye(classes)[labels]
    return {
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "roc_auc": roc_auc_score(one, scores, average=None).tolist(),
        "roc_auc_macro": roc_auc_score(one, scores, average="macro"),
        "average_precision": average_precision_score(one, scores, average=None).tolist(),
        "average_precision_macro": average_precision_score(one, scores, average="macro"),
    }


def sure(samples, classes):
    """Logits whose probabilities are near 0 and 1: float64's still have their order."""
    labels = random.randint(0, classes, samples)
    logits = np.round(3 * random.randn(samples, classes) + 6 * np.eye(classes)[labels], 1)
    e = np.exp(logits - logits.max(1, keepdims=True))
    rest = e.sum(1, keepdims=True) - e
    scores = np.round(np.log(e) - np.log(rest), 9)  # log odds, ordered as probabilities are
    one = np.eye(classes)[labels]
    case = {"logits": logits.tolist(), "labels": labels.tolist()}
    if classes == 2:
        case["roc_auc"] = roc_auc_score(labels, scores[:, 1])
        case["average_precision"] = average_precision_score(labels, scores[:, 1])
        return case
    case["roc_auc"] = roc_auc_score(one, scores, average=None).tolist()
    case["roc_auc_macro"] = roc_auc_score(one, scores, average="macro")
    case["average_precision"] = average_precision_score(one, scores, average=None).tolist()
    case["average_precision_macro"] = average_precision_score(one, scores, average="macro")
    return case


cases = {
    "rankings": [
        drawn("no ties", 40, 0.4, 9),
        drawn("many ties", 60, 0.5, 0),
        drawn("few are positive", 50, 0.05, 1),
        case("all tied", np.zeros(7), np.array([1, 0, 0, 1, 0, 0, 0])),
        case("perfect", np.array([3.0, 2, 1, 0]), np.array([1, 1, 0, 0])),
        case("the wrong way round", np.array([3.0, 2, 1, 0]), np.array([0, 0, 1, 1])),
    ],
    "several": several(50, 4, 1),
    "sure": sure(80, 4),
    "binary": sure(60, 2),
}
path = pathlib.Path(__file__).resolve().with_name("ranking.json")
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
