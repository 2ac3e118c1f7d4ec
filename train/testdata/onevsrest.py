"""Writes onevsrest.json: scikit-learn's regressions of several labels on a few small rows.

Run with any Python that has torch and scikit-learn (made with 1.2): python3 train/testdata/onevsrest.py
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.multiclass import OneVsRestClassifier
from reference import array, write

random = np.random.RandomState(0)
SAMPLES, FEATURES, LABELS = 90, 5, 3
x = np.round(random.normal(size=(SAMPLES, FEATURES)), 2).astype(np.float32)
y = (x @ random.normal(size=(FEATURES, LABELS)) + random.normal(size=(SAMPLES, LABELS)) - 0.5 > 0).astype(int)
assert (y.sum(1) == 0).any() and (y.sum(1) > 1).any()

fits = []
for c in [1, 0.01]:
    fit = OneVsRestClassifier(LogisticRegression(C=c, tol=1e-12, max_iter=100000)).fit(x.astype(np.float64), y)
    weight = np.concatenate([e.coef_ for e in fit.estimators_])
    bias = np.concatenate([e.intercept_ for e in fit.estimators_])
    losses = [log_loss(y[:, k], e.predict_proba(x.astype(np.float64))) for k, e in enumerate(fit.estimators_)]
    l2 = 1 / (c * SAMPLES)
    fits.append({
        "l2": l2, "weight": array(torch.tensor(weight)), "bias": array(torch.tensor(bias)),
        "objective": array(torch.tensor(sum(losses) + l2 / 2 * (weight**2).sum())),
    })
write(HERE / "onevsrest.json", {"rows": [array(torch.tensor(x))], "labels": [array(torch.tensor(y))], "fits": fits})
