"""Writes multilabel.json beside this file: what scikit-learn says of made-up scores of several labels.

Run with any Python that has scikit-learn (made with 1.2.1):
python3 metric/testdata/multilabel.py

Scores have one decimal, so that some are equal. In the case "gaps" one label has no sample,
one has all, and one is never predicted.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

warnings.simplefilter("ignore")  # of labels without samples
random = np.random.RandomState(0)


def case(name, n, c, threshold, gaps=False):
    targets = (random.uniform(size=(n, c)) < 0.3).astype(int)
    scores = np.round(random.normal(size=(n, c)) + 1.5 * targets - 0.7, 1)
    if gaps:
        targets[:, 0], targets[:, 1] = 0, 1
        scores[:, 2] -= 10
    predicted = (scores > threshold).astype(int)

    def figures(how):
        return [v if v is None else np.asarray(v).tolist()
                for v in precision_recall_fscore_support(targets, predicted, average=how, zero_division=0)]

    precision, recall, f1, support = figures(None)
    return {
        "name": name,
        "threshold": threshold,
        "scores": scores.tolist(),
        "targets": targets.tolist(),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "support": support,
        "micro": figures("micro")[:3],
        "macro": figures("macro")[:3],
        "weighted": figures("weighted")[:3],
        "average_precision": [float(average_precision_score(targets[:, k], scores[:, k])) for k in range(c)],
        "mean_average_precision": float(average_precision_score(targets, scores, average="macro")),
    }


cases = [case("plain", 50, 4, 0.0), case("threshold", 33, 3, 0.4), case("gaps", 40, 5, 0.0, gaps=True)]
path = pathlib.Path(__file__).resolve().parent / "multilabel.json"
path.write_text(json.dumps(cases, allow_nan=False) + "\n")
