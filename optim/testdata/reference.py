"""Writes reference.json: 20 steps of PyTorch's optimizers, schedules and clipping.

Run with any Python that has torch (made with 1.13): python3 optim/testdata/reference.py
"""

import random
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from torch.optim import lr_scheduler
from reference import array, values, write

torch.set_num_threads(1)
warnings.simplefilter("ignore")  # SequentialLR calls step(0), which is deprecated
rng = random.Random(0)

# There are two parameters, the rows of an array. The loss is the sum of (p - target)^2 · curvature.
# No parameter comes near 0 on its way, where float32 has few digits left.
target = values(rng, (2, 2), low=2)
start, curvature = target + values(rng, (2, 2), high=1.5), values(rng, (2,)).abs() / 4
STEPS = 20


def scheduler(optimizer, name, **settings):
    if name == "SequentialLR":
        settings["schedulers"] = [scheduler(optimizer, **s) for s in settings.pop("schedules")]
    if name == "OneCycleLR":
        settings["max_lr"] = [g["lr"] for g in optimizer.param_groups]
    settings.pop("figures", None)
    return getattr(lr_scheduler, name)(optimizer, **settings)


def clip(params, kind, limit):
    """Returns the norm before, or None."""
    if kind == "value":
        return torch.nn.utils.clip_grad_value_(params, limit)
    return torch.nn.utils.clip_grad_norm_(params, limit, norm_type=float(kind))


def run(optimizer, groups, dtype, schedule=None, clipping=None, late=0):
    """Trains both parameters with one group's settings, or each with its own; the second has no gradient before step late."""
    params = [row.to(dtype).clone().requires_grad_() for row in start]
    entry = {"optimizer": optimizer, "groups": groups, "schedule": schedule, "clip": clipping, "late": late}
    if len(groups) == 1:
        made = getattr(torch.optim, optimizer)(params, **groups[0])
    else:
        made = getattr(torch.optim, optimizer)([{"params": [p], **g} for p, g in zip(params, groups)])
    follow = schedule and scheduler(made, **schedule)
    steps, lrs, norms = [], [], []
    for step in range(STEPS):
        made.zero_grad()
        used = params[:1] if step < late else params
        sum((((p - t.to(dtype)) ** 2) * curvature.to(dtype)).sum() for p, t in zip(used, target)).backward()
        if clipping:
            norms.append(clip(params, **clipping))
        lrs.append([g["lr"] for g in made.param_groups])
        made.step()
        steps.append(torch.stack(params))
        if schedule and step + 1 < STEPS:
            follow.step(*[schedule["figures"][step]] if "figures" in schedule else [])
    entry["steps"] = array(torch.stack(steps))
    entry["lrs"] = array(torch.tensor(lrs, dtype=torch.float64))
    entry["norms"] = array(torch.stack(norms)) if clipping and clipping["kind"] != "value" else None
    return entry


OPTIMIZERS = {
    "SGD": [
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "weight_decay": 0.25},
        {"lr": 0.05, "momentum": 0.9, "dampening": 0.5},
        {"lr": 0.05, "momentum": 0.9, "nesterov": True},
        {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.125},
        {"lr": 0.05, "momentum": 0.75, "dampening": 0.25, "weight_decay": 0.125},
        {"lr": 0.05, "momentum": 0.75, "nesterov": True, "weight_decay": 0.125},
        {"lr": 0.01, "maximize": True},
        {"lr": 0.005, "momentum": 0.5, "weight_decay": 0.125, "maximize": True},
    ],
    "Adam": [
        {"lr": 0.1},
        {"lr": 0.02, "weight_decay": 0.125, "amsgrad": True, "maximize": True},
        {"lr": 0.1, "betas": [0.5, 0.9]},
        {"lr": 0.1, "betas": [0, 0]},
        {"lr": 0.1, "eps": 0.5},
        {"lr": 0.1, "eps": 0},
        {"lr": 0.1, "weight_decay": 0.25},
        {"lr": 0.1, "betas": [0.5, 0.5], "amsgrad": True},
        {"lr": 0.2, "betas": [0.75, 0.9], "eps": 0.125, "weight_decay": 0.125, "amsgrad": True},
    ],
    "AdamW": [
        {"lr": 0.1},
        {"lr": 0.02, "weight_decay": 0.125, "maximize": True},
        {"lr": 0.1, "weight_decay": 0},
        {"lr": 0.1, "weight_decay": 0.5},
        {"lr": 0.1, "betas": [0.5, 0.5], "amsgrad": True},
        {"lr": 0.2, "betas": [0.75, 0.9], "eps": 0.125, "weight_decay": 0.125, "amsgrad": True},
    ],
    "RMSprop": [
        {"lr": 0.05},
        {"lr": 0.05, "alpha": 1, "eps": 0.5},
        {"lr": 0.01, "weight_decay": 0.125, "centered": True, "maximize": True},
        {"lr": 0.05, "alpha": 0.5},
        {"lr": 0.05, "eps": 0.25},
        {"lr": 0.05, "weight_decay": 0.25},
        {"lr": 0.02, "momentum": 0.75},
        {"lr": 0.05, "centered": True},
        {"lr": 0.02, "alpha": 0.75, "momentum": 0.5, "weight_decay": 0.125, "centered": True},
    ],
    "Adagrad": [
        {"lr": 0.5},
        {"lr": 0.02, "weight_decay": 0.125, "maximize": True},
        {"lr": 0.5, "lr_decay": 0.25},
        {"lr": 0.5, "weight_decay": 0.25},
        {"lr": 0.5, "initial_accumulator_value": 2},
        {"lr": 0.5, "eps": 0.5},
        {"lr": 0.5, "lr_decay": 0.125, "weight_decay": 0.125, "initial_accumulator_value": 0.5, "eps": 0.125},
    ],
}

# Two groups that differ in all that they can; the second parameter gets its first gradient late.
GROUPS = {
    "SGD": [{"lr": 0.1, "momentum": 0.5, "dampening": 0.5}, {"lr": 0.05, "momentum": 0.9, "dampening": 0.25, "weight_decay": 0.25}],
    "Adam": [{"lr": 0.1, "amsgrad": True}, {"lr": 0.2, "betas": [0.5, 0.75], "eps": 0.125, "weight_decay": 0.25}],
    "AdamW": [{"lr": 0.1, "amsgrad": True}, {"lr": 0.2, "betas": [0.5, 0.75], "eps": 0.125, "weight_decay": 0.25}],
    "RMSprop": [{"lr": 0.05, "centered": True}, {"lr": 0.02, "alpha": 0.5, "momentum": 0.75, "eps": 0.125, "weight_decay": 0.25}],
    "Adagrad": [{"lr": 0.5, "lr_decay": 0.25}, {"lr": 0.25, "eps": 0.125, "weight_decay": 0.25}],
}

WARM_UP = {"name": "LinearLR", "start_factor": 0.1, "end_factor": 1, "total_iters": 4}
FALLING = [4, 3, 2.5, 2.5, 2.49, 2.5, 2.6, 2.4, 2.4, 2.45, 2.5, 2.5, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3]
RISING = [1 / f for f in FALLING]
SCHEDULES = [
    {"name": "StepLR", "step_size": 6, "gamma": 0.5},
    {"name": "StepLR", "step_size": 1, "gamma": 0},
    {"name": "MultiStepLR", "milestones": [1, 7, 16], "gamma": 0.25},
    {"name": "MultiStepLR", "milestones": [], "gamma": 0.25},
    {"name": "MultiStepLR", "milestones": [4, 4, 11, 15, 15, 15], "gamma": 0.5},
    {"name": "ExponentialLR", "gamma": 0.875},
    {"name": "CosineAnnealingLR", "T_max": 20},
    {"name": "CosineAnnealingLR", "T_max": 7, "eta_min": 0.01},  # up and down again
    WARM_UP,
    {"name": "LinearLR", "start_factor": 0.75, "end_factor": 0.25, "total_iters": 15},
    {"name": "LinearLR", "start_factor": 1, "end_factor": 0, "total_iters": 10},
    {"name": "LinearLR", "start_factor": 0.5, "end_factor": 0, "total_iters": 19},
    {"name": "SequentialLR", "schedules": [WARM_UP, {"name": "CosineAnnealingLR", "T_max": 16}], "milestones": [4]},
    {
        "name": "SequentialLR",
        "schedules": [WARM_UP, {"name": "StepLR", "step_size": 3, "gamma": 0.5}, {"name": "ExponentialLR", "gamma": 0.75}],
        "milestones": [5, 14],
    },
    {"name": "OneCycleLR", "total_steps": 20},
    {"name": "OneCycleLR", "total_steps": 20, "pct_start": 0.5},
    {"name": "OneCycleLR", "total_steps": 20, "pct_start": 0.0},
    {"name": "OneCycleLR", "total_steps": 20, "pct_start": 1.0},
    {"name": "OneCycleLR", "total_steps": 20, "div_factor": 4, "final_div_factor": 8},
    {"name": "OneCycleLR", "total_steps": 20, "base_momentum": 0, "max_momentum": 0.5},
    {"name": "OneCycleLR", "total_steps": 20, "three_phase": True},
    {"name": "OneCycleLR", "total_steps": 20, "three_phase": True, "pct_start": 0.0},
    {"name": "OneCycleLR", "total_steps": 20, "three_phase": True, "pct_start": 0.75},  # never comes to the third
    {"name": "OneCycleLR", "total_steps": 20, "anneal_strategy": "linear", "div_factor": 4, "final_div_factor": 8},
    {
        "name": "OneCycleLR", "total_steps": 20, "anneal_strategy": "linear", "three_phase": True, "pct_start": 0.375,
        "div_factor": 4, "final_div_factor": 8,
    },
    {"name": "ReduceLROnPlateau", "factor": 0.5, "patience": 1, "figures": FALLING},
    {"name": "ReduceLROnPlateau", "factor": 0.5, "patience": 0, "figures": FALLING},
    {"name": "ReduceLROnPlateau", "factor": 0.5, "patience": 1, "threshold": 0.125, "figures": FALLING},
    {"name": "ReduceLROnPlateau", "factor": 0.5, "patience": 1, "threshold": 0, "figures": FALLING},
    {"name": "ReduceLROnPlateau", "factor": 0.5, "patience": 1, "cooldown": 2, "figures": FALLING},
    {"name": "ReduceLROnPlateau", "factor": 0.5, "patience": 0, "min_lr": 0.04, "figures": FALLING},
    {"name": "ReduceLROnPlateau", "factor": 0.001, "patience": 0, "figures": FALLING},  # ends above 0: PyTorch's eps
    {"name": "ReduceLROnPlateau", "factor": 0.5, "patience": 0, "eps": 0.01, "figures": FALLING},
    {"name": "ReduceLROnPlateau", "factor": 0.001, "patience": 0, "eps": 0, "figures": FALLING},
    {"name": "ReduceLROnPlateau", "factor": 0.5, "patience": 1, "threshold": 0.15, "threshold_mode": "abs", "figures": FALLING},
    {
        "name": "ReduceLROnPlateau", "mode": "max", "factor": 0.5, "patience": 0, "threshold": 0.03, "threshold_mode": "abs",
        "figures": RISING,
    },
    {"name": "ReduceLROnPlateau", "mode": "max", "factor": 0.5, "patience": 1, "figures": RISING},
    {
        "name": "ReduceLROnPlateau", "mode": "max", "factor": 0.75, "patience": 1, "threshold": 0.0625, "cooldown": 1,
        "min_lr": 0.03, "figures": RISING,
    },
]

runs = []
for optimizer, all_settings in OPTIMIZERS.items():
    for settings in all_settings:
        for dtype in [torch.float64, torch.float32]:
            runs.append(run(optimizer, [settings], dtype))
for optimizer, groups in GROUPS.items():
    for dtype in [torch.float64, torch.float32]:
        runs.append(run(optimizer, groups, dtype, late=3))

# Two learning rates, so that a schedule has two of them to go by.
pair = [{"lr": 0.1, "momentum": 0.5}, {"lr": 0.05, "momentum": 0.5}]
for schedule in SCHEDULES:
    runs.append(run("SGD", pair, torch.float64, schedule=schedule))
cycle = {"name": "OneCycleLR", "total_steps": 20}
runs.append(run("SGD", [{"lr": 0.1, "momentum": 0.9, "dampening": 0.5}], torch.float64, schedule=cycle))
runs.append(run("SGD", [{"lr": 0.1, "momentum": 0.9, "nesterov": True}], torch.float64, schedule=cycle))
runs.append(run("Adam", [{"lr": 0.2}], torch.float64, schedule=cycle))
runs.append(run("AdamW", [{"lr": 0.2}], torch.float32, schedule=cycle))
runs.append(run("RMSprop", [{"lr": 0.02, "momentum": 0.9}], torch.float64, schedule=cycle))
# Momentum that is 0 for some steps: at the ends, or at the peak.
reverse = {**cycle, "base_momentum": 0.5, "max_momentum": 0.0}
runs.append(run("SGD", [{"lr": 0.1, "momentum": 0.9, "dampening": 0.5}], torch.float64, schedule=reverse))
runs.append(run("RMSprop", [{"lr": 0.02, "momentum": 0.9}], torch.float64, schedule={**cycle, "base_momentum": 0.0}))

for kind, limit in [("2", 3), ("2", 100), ("inf", 2), ("inf", 100), ("1", 3), ("1", 100), ("1.5", 3), ("3", 2), ("value", 1.5), ("value", 100)]:
    for dtype in [torch.float64, torch.float32]:
        runs.append(run("SGD", [{"lr": 0.1}], dtype, clipping={"kind": kind, "limit": limit}, late=3))

write(HERE / "reference.json", {"start": [array(start)], "target": [array(target)], "curvature": [array(curvature)], "runs": runs})
