"""Writes fullbatch.json: scikit-learn's softmax regression on a few small pictures.

Run with any Python that has torch and scikit-learn (made with 1.2): python3 train/testdata/fullbatch.py
"""

import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from reference import array, write

rng = random.Random(0)
SAMPLES, PIXELS, CLASSES = 60, 12, 3

# Pictures of a class are lighter in a third of their pixels, but not so that a line tells all of them apart.
labels = [i % CLASSES for i in range(SAMPLES)]
pixels = [[rng.randrange(200) + (50 if p * CLASSES // PIXELS == label else 0) for p in range(PIXELS)] for label in labels]
x, y = torch.tensor(pixels, dtype=torch.float64) / 255, torch.tensor(labels)

fits = []
for l2 in [0.001, 0.0625, 1]:
    fit = LogisticRegression(C=1 / (l2 * SAMPLES), tol=1e-12, max_iter=100000).fit(x.numpy(), y.numpy())
    weight, bias = torch.tensor(fit.coef_), torch.tensor(fit.intercept_)
    loss = torch.tensor(log_loss(y.numpy(), fit.predict_proba(x.numpy())))
    fits.append({
        "l2": l2, "weight": array(weight), "bias": array(bias - bias.mean()),
        "objective": array(loss + l2 / 2 * (weight**2).sum()),
    })
write(HERE / "fullbatch.json", {"pixels": [array(torch.tensor(pixels))], "labels": [array(y)], "fits": fits})
