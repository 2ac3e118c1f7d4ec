"""Writes reference.json: what PyTorch makes of mixup, and SciPy of the beta distribution.

Run with any Python that has torch and scipy (made with 1.13 and 1.10):
python3 loader/testdata/reference.py
"""

import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from reference import array, values, write
from scipy.stats import beta

rng = random.Random(0)

mixtures = []
for shape, classes, lam in [((4, 1, 2, 3), 3, 0.3), ((3, 3, 2, 2), 5, 0.9), ((5, 2), 2, 0.125), ((1, 1, 1, 1), 2, 0.6), ((2, 1, 1, 1), 1, 0.0)]:
    n = shape[0]
    images = values(rng, shape).float()
    labels = torch.tensor([rng.randrange(classes) for _ in range(n)])
    partners = torch.tensor(rng.sample(range(n), n))
    one_hot = torch.nn.functional.one_hot(labels, classes).float()
    mixtures.append(
        {
            "images": array(images),
            "labels": array(labels),
            "partners": partners.tolist(),
            "lambda": lam,
            "classes": classes,
            "mixed": array(lam * images + (1 - lam) * images[partners]),
            "targets": array(lam * one_hot + (1 - lam) * one_hot[partners]),
        }
    )

points = [0.001, 0.01, 0.1, 0.3, 0.5, 0.8, 0.99]
distributions = [{"alpha": a, "points": points, "below": beta.cdf(points, a, a).tolist()} for a in [0.05, 0.2, 1.0, 1.5, 8.0]]

write(HERE / "reference.json", {"mixtures": mixtures, "distributions": distributions})
