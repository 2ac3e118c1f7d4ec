"""Writes reference.json: what PyTorch computes for losses.

Run with any Python that has torch (made with 1.13): python3 loss/testdata/reference.py
"""

import itertools
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from reference import array, values, write
from torch.nn import functional as F

torch.set_num_threads(1)
rng = random.Random(3)
INF, NAN = float("inf"), float("nan")
REDUCTIONS = ["mean", "sum", "none"]


def f64(data):
    return torch.tensor(data, dtype=torch.float64)


def shares(*shape):
    """Probabilities: positive multiples of 1/64 that sum to 1 along the dimension of the classes, in no set proportion."""
    dim = min(1, len(shape) - 1)
    t = torch.tensor([rng.randrange(1, 64 // shape[dim]) / 64 for _ in range(torch.Size(shape).numel())], dtype=torch.float64)
    t = t.reshape(shape)
    rest = 1 - t.narrow(dim, 1, shape[dim] - 1).sum(dim, keepdim=True)
    return torch.cat([rest, t.narrow(dim, 1, shape[dim] - 1)], dim)


def labels(shape, classes):
    return torch.tensor([rng.randrange(classes) for _ in range(torch.Size(shape).numel())]).reshape(shape)


losses = []


def case(loss, name, function, x, target, reduction="mean", smooth=True, **options):
    """Adds a case; options are those that the loss has beside the reduction, and None stands for its default.

    One that is not smooth stands where differences say nothing of the derivative; f64only has inputs beyond float32.
    """
    options = {k: v for k, v in options.items() if v is not None}
    x = x.clone().requires_grad_()
    target = target.clone().requires_grad_(target.is_floating_point())
    out = function(x, target, reduction=reduction, **options)
    seed = values(rng, out.shape, high=1.5)
    out.backward(seed)
    losses.append(
        {
            "loss": loss,
            "name": name,
            "reduction": reduction,
            "options": {k: array(v) if isinstance(v, torch.Tensor) else v for k, v in options.items()},
            "smooth": smooth and bool(out.isfinite().all()),
            "f64only": bool((x.isfinite() & x.float().isinf()).any()),
            "input": array(x),
            "target": array(target),
            "output": array(out),
            "seed": array(seed),
            "grad": array(x.grad),
            "target_grad": None if target.grad is None else array(target.grad),
        }
    )


# Every combination of the options.
SHAPES = [(3,), (3, 4), (2, 3, 2), (2, 3, 1, 2)]
for shape in SHAPES:
    dim = min(1, len(shape) - 1)
    classes = shape[dim]
    x = values(rng, shape, high=1.5)
    y = labels(shape[:dim] + shape[dim + 1 :], classes)
    p = shares(*shape)
    weight = values(rng, (classes,)).abs()
    flat = y.flatten().clone()
    flat[0] = -100
    outside = flat.reshape(y.shape)
    for reduction, w in itertools.product(REDUCTIONS, [None, weight]):
        # A class, no class, and one outside the classes are ignored.
        for ignored, target in [(None, y), (int(y.flatten()[-1]), y), (-100, outside)]:
            for smoothing in [None, 0.125, 1.0]:
                case(
                    "CrossEntropy",
                    f"{list(shape)}",
                    F.cross_entropy,
                    x,
                    target,
                    reduction,
                    weight=w,
                    ignore_index=ignored,
                    label_smoothing=smoothing,
                )
            log = x.log_softmax(dim)
            case("NLL", f"{list(shape)}", F.nll_loss, log, target, reduction, weight=w, ignore_index=ignored)
        for smoothing, ignored in [(None, None), (0.125, None), (1.0, None), (0.125, -7)]:
            case(
                "CrossEntropy",
                f"{list(shape)}, probabilities",
                F.cross_entropy,
                x,
                p,
                reduction,
                weight=w,
                ignore_index=ignored,
                label_smoothing=smoothing,
            )

HARD = {
    "one sample": (values(rng, (1, 5), high=1.5), [3]),
    "one class": (values(rng, (3, 1)), [0, 0, 0]),
    "no sample": (values(rng, (0, 3)), []),
    "extreme": (f64([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4]]), [0, 1, 2, 1]),
    "equal": (f64([[0.5, 0.5, 0.5], [0.0, 0.0, 0.0]]), [0, 2]),
    "largest": (f64([[1e307, -1e307], [1e307, -1e307]]), [0, 1]),
    "masked": (f64([[-INF, 0.0, 1.0], [-INF, -INF, 1.0]]), [1, 2]),
    "masked truth": (f64([[-INF, 0.0, 1.0], [-INF, 0.0, 1.0]]), [1, 0]),
    "NaN": (f64([[NAN, 0.0], [1.0, 2.0]]), [1, 0]),
}
for name, (x, y) in HARD.items():
    classes = x.shape[1]
    y = torch.tensor(y, dtype=torch.int64)
    p = F.one_hot(y, classes).double()
    weight = values(rng, (classes,)).abs()
    smooth = name in ("one sample", "one class", "no sample", "equal")
    for reduction, w in itertools.product(REDUCTIONS, [None, weight]):
        for ignored, smoothing in itertools.product([None, 0], [None, 0.125]):
            case(
                "CrossEntropy",
                name,
                F.cross_entropy,
                x,
                y,
                reduction,
                smooth=smooth,
                weight=w,
                ignore_index=ignored,
                label_smoothing=smoothing,
            )
        case("CrossEntropy", f"{name}, probabilities", F.cross_entropy, x, p, reduction, smooth=smooth, weight=w)
for reduction in REDUCTIONS:
    everything = torch.tensor([1, 1])
    case("CrossEntropy", "all ignored", F.cross_entropy, values(rng, (2, 3)), everything, reduction, smooth=False, ignore_index=1)

for shape in [(), (4,), (2, 3), (2, 3, 2), (0, 3)]:
    x = values(rng, shape)
    hard = (values(rng, shape) > 0).double()
    soft = values(rng, shape, low=1 / 64, high=1.0).abs()
    weights = [values(rng, s).abs() for s in dict.fromkeys([(), shape[-1:], shape])]
    for reduction in REDUCTIONS:
        for name, target in [("hard", hard), ("soft", soft)]:
            for weight, positive in itertools.product([None, weights[-1]], [None, *weights]):
                case(
                    "BCEWithLogits",
                    f"{list(shape)}, {name}",
                    F.binary_cross_entropy_with_logits,
                    x,
                    target,
                    reduction,
                    weight=weight,
                    pos_weight=positive,
                )
        case("MSE", f"{list(shape)}", F.mse_loss, x, values(rng, shape), reduction)
EDGES = f64([0.0, 1e4, -1e4, 0.0, 1e4, -1e4, INF, NAN])
SIDES = f64([1, 1, 1, 0, 0, 0, 0, 1])
for reduction in ["sum", "none"]:
    case("BCEWithLogits", "zero", F.binary_cross_entropy_with_logits, f64([0.0, 0.0, 0.0]), f64([0.0, 1.0, 0.25]), reduction)
    for positive in [None, f64(3.0)]:
        case("BCEWithLogits", "edges", F.binary_cross_entropy_with_logits, EDGES, SIDES, reduction, smooth=False, pos_weight=positive)
case("MSE", "special", F.mse_loss, f64([INF, NAN, 1e200, 0.0]), f64([0.0, 0.0, 0.0, 0.0]), "none", smooth=False)

for shape in [(), (4,), (2, 3), (3, 2, 2)]:
    for reduction in [*REDUCTIONS, *(["batchmean"] if shape else [])]:
        x = values(rng, shape, high=1.5)
        q = shares(*shape) if shape else f64(0.75)
        case("KLDiv", f"{list(shape)}", F.kl_div, x, q, reduction)
        case("KLDiv", f"{list(shape)}, logarithms", F.kl_div, x, q.log(), reduction, log_target=True)
case("KLDiv", "zeros", F.kl_div, f64([[-1.0, -2.0], [-0.5, -8.0]]), f64([[1.0, 0.0], [0.0, 1.0]]), "none", smooth=False)
case("KLDiv", "special", F.kl_div, f64([-INF, -INF, NAN, 0.0]), f64([1.0, 0.0, 1.0, -1.0]), "none", smooth=False)

write(HERE / "reference.json", {"losses": losses})
