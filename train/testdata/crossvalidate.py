"""Writes crossvalidate.json: what scikit-learn's LogisticRegression makes of features like those of a net.

Run with scikit-learn 1.2. The features are drawn from a congruential generator that the test has too.
"""
import json, warnings
import numpy as np
from sklearn.linear_model import LogisticRegression

warnings.simplefilter("error")
N, D, C, FOLDS = 90, 12, 3, 3
state = 1


def draw():
    global state
    state = (state * 1103515245 + 12345) % 2**31
    return state / 2**31


x = np.zeros((N, D), np.float32)
y = np.arange(N) % C
for i in range(N):
    for j in range(D):
        x[i, j] = max(0, draw() * 2 - 1 + (0.6 if j % C == y[i] else 0))
out = []
for l2 in [1.0, 0.1, 0.01, 0.001]:
    losses, right = [], 0
    for k in range(FOLDS):
        held = (np.arange(N) // C) % FOLDS == k
        m = LogisticRegression(C=1 / (l2 * (~held).sum()), tol=1e-10, max_iter=100000).fit(x[~held].astype(np.float64), y[~held])
        p = m.predict_proba(x[held].astype(np.float64))
        losses += list(-np.log(p[np.arange(len(p)), y[held]]))
        right += int((p.argmax(1) == y[held]).sum())
    whole = LogisticRegression(C=1 / (l2 * N), tol=1e-10, max_iter=100000).fit(x.astype(np.float64), y)
    out.append({"l2": l2, "loss": float(np.mean(losses)), "accuracy": right / N,
                "probabilities": [[float(v) for v in row] for row in whole.predict_proba(x[:3].astype(np.float64))]})
with open("crossvalidate.json", "w") as f:
    json.dump(out, f)
    f.write("\n")
