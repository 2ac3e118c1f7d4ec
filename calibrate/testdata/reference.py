"""Writes reference.json beside this file: how scikit-learn and SciPy calibrate made-up logits.

Run with any Python that has scikit-learn and scipy (made with 1.2.1 and 1.10):
python3 calibrate/testdata/reference.py

scikit-learn's _sigmoid_calibration is what CalibratedClassifierCV(method="sigmoid") fits to a decision
function; its probability is 1 / (1 + exp(a * f + b)), so that signs are turned here. It stops early: "loss" is that of
its answer, which a better one has at most. Temperatures are the minima by SciPy.
"""

import json
import pathlib

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, xlogy
from sklearn.calibration import _sigmoid_calibration

random = np.random.RandomState(0)


def smoothed(positive):
    hits, others = positive.sum(), (~positive).sum()
    return np.where(positive, (hits + 1) / (hits + 2), 1 / (others + 2))


def sigmoid(scores, positive):
    a, b = _sigmoid_calibration(scores, positive.astype(int))
    p, t = expit(-(a * scores + b)), smoothed(positive)
    return {"a": -a, "b": -b, "loss": float(-(xlogy(t, p) + xlogy(1 - t, 1 - p)).sum())}


def temperature(loss):
    found = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100)), method="bounded", options={"xatol": 1e-12, "maxiter": 1000})
    return float(np.exp(found.x))


def classes(name, n, k, scale):
    labels = random.randint(0, k, n)
    logits = np.round(scale * (random.randn(n, k) + 1.5 * np.eye(k)[labels]), 3)
    case = {"name": name, "logits": logits.tolist(), "labels": labels.tolist()}
    case["temperature"] = temperature(lambda t: -log_softmax(logits / np.exp(t), axis=1)[np.arange(n), labels].mean())
    if k == 2:
        case["platt"] = [sigmoid(logits[:, 1] - logits[:, 0], labels == 1)]
    return case


def labels(name, n, k, scale):
    truth = random.rand(n, k) < np.linspace(0.2, 0.7, k)
    logits = np.round(scale * (random.randn(n, k) + 2 * truth - 1.2), 3)
    sign = np.where(truth, 1, -1)
    return {
        "name": name,
        "logits": logits.tolist(),
        "truth": truth.astype(float).tolist(),
        "temperature": temperature(lambda t: np.logaddexp(0, -sign * logits / np.exp(t)).mean()),
        "platt": [sigmoid(logits[:, i], truth[:, i]) for i in range(k)],
    }


def separable():
    scores = np.array([-2.0, -1.5, -0.5, 0.25, 1, 3])
    return {
        "name": "separable",
        "logits": np.stack([0 * scores, scores], 1).tolist(),
        "labels": [0, 0, 0, 1, 1, 1],
        "temperature": 1,  # none is the best
        "platt": [sigmoid(scores, scores > 0)],
    }


cases = [
    classes("too sure", 80, 3, 4),
    classes("not sure enough", 80, 4, 0.3),
    classes("two classes", 80, 2, 3),
    classes("two classes, large logits", 60, 2, 300),
    labels("several labels", 60, 3, 2),
    separable(),
]
path = pathlib.Path(__file__).resolve().with_name("reference.json")
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
