"""Writes multilabel.json beside this file: what scikit-learn says of made-up logits of several labels.

Run with any Python that has scikit-learn (made with 1.2.1):
python3 task/testdata/multilabel.py

Logits have one decimal, so that some are equal. In the case "gaps" one label has no sample, and one has all.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, hamming_loss, precision_recall_curve, precision_recall_fscore_support

warnings.simplefilter("ignore")  # of labels without samples
random = np.random.RandomState(0)


def case(name, n, c, gaps=False):
    targets = (random.uniform(size=(n, c)) < 0.3).astype(int)
    logits = np.round(random.normal(size=(n, c)) + 1.5 * targets - 0.7, 1)
    if gaps:
        targets[:, 0], targets[:, 1] = 0, 1
    probabilities = 1 / (1 + np.exp(-logits))
    thresholds = []
    for k in range(c):
        if targets[:, k].sum() == 0:
            thresholds.append(0.5)
            continue
        precision, recall, at = precision_recall_curve(targets[:, k], probabilities[:, k])
        with np.errstate(invalid="ignore"):
            f1 = np.nan_to_num(2 * precision * recall / (precision + recall))[: len(at)]
        # The least of equal ones, which rounding may tell apart, and from there half the way to the next lower score.
        best = at[np.argmax(f1 >= f1.max() - 1e-12)]
        lower = probabilities[:, k][probabilities[:, k] < best]
        thresholds.append(float((best + (lower.max() if len(lower) else 0)) / 2))
    said = (probabilities >= np.array(thresholds)).astype(int)
    precision, recall, f1, support = precision_recall_fscore_support(targets, said, zero_division=0)
    return {
        "name": name,
        "logits": logits.tolist(),
        "targets": targets.tolist(),
        "thresholds": thresholds,
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "micro": f1_score(targets, said, average="micro", zero_division=0),
        "macro": f1_score(targets, said, average="macro", zero_division=0),
        "samples": f1_score(targets, said, average="samples", zero_division=0),
        "exact": accuracy_score(targets, said),
        "hamming": hamming_loss(targets, said),
    }


cases = [case("plain", 60, 4), case("gaps", 25, 4, gaps=True), case("few", 3, 2)]
(pathlib.Path(__file__).resolve().parent / "multilabel.json").write_text(json.dumps(cases) + "\n")
