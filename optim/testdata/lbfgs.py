"""Writes lbfgs.json: PyTorch's L-BFGS on a few functions.

Run with any Python that has torch (made with 1.13): python3 optim/testdata/lbfgs.py
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from reference import array, write

torch.set_num_threads(1)


def rosenbrock(a, b):
    """Banana-shaped valleys in the three numbers of a and the scalar b; least, 0, where all are 1."""
    x = torch.cat([a, b.reshape(1)])
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def bowl(a, b):
    """Convex, with curvatures from 1 to 1000."""
    x = torch.cat([a, b.reshape(1)])
    return (x**2 * torch.tensor([1.0, 10.0, 100.0, 1000.0], dtype=x.dtype)).sum() / 2 + (x**4).sum() / 4


def hills(a, b):
    """With several minima, so that a search finds slopes of both signs."""
    x = torch.cat([a, b.reshape(1)])
    return (3 * (-4 * (x - 0.5) ** 2).exp() + x**2 / 4).sum() + x.prod() / 8


START = {"rosenbrock": [-1.25, 1.5, 0.5, -0.75], "bowl": [2, -1.5, 1, 0.5], "hills": [0.125, 2.5, -1.75, 0.5]}


def run(function, calls, dtype=torch.float64, **settings):
    """Takes steps and records after each what it returned, the parameters and how often the function was evaluated."""
    start = torch.tensor(START[function], dtype=dtype)
    a, b = start[:3].clone().requires_grad_(), start[3].clone().requires_grad_()
    optimizer = torch.optim.LBFGS([a, b], **settings)
    evaluations = 0

    def closure():
        nonlocal evaluations
        evaluations += 1
        optimizer.zero_grad()
        value = globals()[function](a, b)
        value.backward()
        return value

    values, counts, steps = [], [], []
    for _ in range(calls):
        values.append(optimizer.step(closure).detach())
        counts.append(evaluations)
        steps.append(torch.cat([a, b.reshape(1)]).detach().clone())
    return {
        "function": function, "settings": settings, "start": array(start), "values": array(torch.stack(values)),
        "evaluations": array(torch.tensor(counts)), "steps": array(torch.stack(steps)),
    }


WOLFE = {"line_search_fn": "strong_wolfe"}
runs = [
    run("rosenbrock", 12, max_iter=1, **WOLFE),
    run("rosenbrock", 4, max_iter=4, **WOLFE),
    run("rosenbrock", 12, max_iter=1, history_size=2, **WOLFE),
    run("rosenbrock", 4, max_iter=6, max_eval=3, **WOLFE),
    run("rosenbrock", 12, max_iter=1, lr=0.25, **WOLFE),
    run("rosenbrock", 8, max_iter=1, lr=8, **WOLFE),
    run("rosenbrock", 2, tolerance_grad=1.0, **WOLFE),
    run("rosenbrock", 2, tolerance_change=0.125, **WOLFE),
    run("rosenbrock", 4, lr=0.0625, max_iter=3),
    run("bowl", 10, max_iter=1, **WOLFE),
    run("bowl", 10, max_iter=1, history_size=1, **WOLFE),
    run("bowl", 2, **WOLFE),  # ends before all iterations, and at once the second time
    run("bowl", 3, lr=0.5, max_iter=3),
    run("bowl", 3, lr=0.5, max_iter=5, history_size=2),
    run("bowl", 2, lr=0.5, max_iter=9, max_eval=4),
    run("bowl", 2, lr=0.5, max_iter=9, tolerance_change=0.25),
    run("hills", 8, max_iter=1, **WOLFE),
    run("hills", 8, max_iter=1, lr=4, **WOLFE),
    run("hills", 8, max_iter=1, lr=32, **WOLFE),
    run("hills", 8, max_iter=1, lr=0.001, **WOLFE),  # searches far out
    run("rosenbrock", 6, torch.float32, max_iter=1, **WOLFE),
    run("bowl", 4, torch.float32, max_iter=1, **WOLFE),
]
write(HERE / "lbfgs.json", {"runs": runs})
