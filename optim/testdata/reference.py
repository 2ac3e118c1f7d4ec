"""Writes reference.json: 20 steps of PyTorch's optimizers.

Run with any Python that has torch (made with 1.13): python3 optim/testdata/reference.py
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

# The loss is the sum of (p - target)^2 · curvature.
start, target, curvature = values(rng, (2, 3)), values(rng, (2, 3)), values(rng, (3,)).abs() / 4

runs = []
for settings in [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "weight_decay": 0.25},
    {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.125},
]:
    for dtype in [torch.float64, torch.float32]:
        p = start.to(dtype).clone().requires_grad_()
        optimizer = torch.optim.SGD([p], **settings)
        steps = []
        for step in range(20):
            if step == 10:  # a schedule changes it on the way
                optimizer.param_groups[0]["lr"] /= 2
            optimizer.zero_grad()
            (((p - target.to(dtype)) ** 2) * curvature.to(dtype)).sum().backward()
            optimizer.step()
            steps.append(array(p))
        runs.append({"settings": settings, "steps": steps})

write(HERE / "reference.json", {"start": [array(start)], "target": [array(target)], "curvature": [array(curvature)], "runs": runs})
