"""Writes reference.json: what PyTorch computes for losses.

Run with any Python that has torch (made with 1.13): python3 loss/testdata/reference.py
"""

import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from reference import array, values, write

torch.set_num_threads(1)
rng = random.Random(0)
INF, NAN = float("inf"), float("nan")


def f64(data):
    return torch.tensor(data, dtype=torch.float64)


BATCHES = {
    "ordinary": (values(rng, (4, 3), high=1.5), [2, 0, 1, 2]),
    "one sample": (values(rng, (1, 5), high=1.5), [3]),
    "one class": (values(rng, (3, 1)), [0, 0, 0]),
    "no sample": (values(rng, (0, 3)), []),
    "extreme": (f64([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]]), [0, 1, 2]),
    "largest": (f64([[1e308, -1e308], [1e308, -1e308]]) / 2, [0, 1]),
    "-Inf": (f64([[-INF, 0.0, 1.0], [-INF, 0.0, 1.0]]), [1, 0]),
    "NaN": (f64([[NAN, 0.0], [1.0, 2.0]]), [1, 0]),
}

losses = []
for name, (logits, labels) in BATCHES.items():
    labels = torch.tensor(labels, dtype=torch.int64)
    for reduction in ["mean", "sum", "none"]:
        x = logits.clone().requires_grad_()
        out = torch.nn.functional.cross_entropy(x, labels, reduction=reduction)
        seed = values(rng, out.shape)
        out.backward(seed)
        losses.append(
            {
                "name": name,
                "reduction": reduction,
                "logits": array(logits),
                "labels": array(labels),
                "output": array(out),
                "seed": array(seed),
                "grad": array(x.grad),
            }
        )

write(HERE / "reference.json", {"losses": losses})
