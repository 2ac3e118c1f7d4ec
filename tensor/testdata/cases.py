"""What the scripts of this folder share: cases, each a call of an operation with PyTorch's value and gradients."""

import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from reference import array, values, write

torch.set_num_threads(1)
rng = random.Random(0)
F32, F64, I64, U8, BOOL = torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool
TYPES = [BOOL, U8, I64, F32, F64]
INF, NAN = float("inf"), float("nan")

# Every operation by the name of its method or function: what PyTorch does with its tensors and further arguments.
OPS = {}
cases = []


def case(op, *inputs, typed=False, smooth=True, note="", **args):
    """Adds a case. Float64 inputs are also run as float32, unless they are typed: then types are the point.

    One that is not smooth stands where differences say nothing of the derivative.
    """
    results = []
    seed = None
    for dtype in [None] if typed else [F64, F32]:
        x = [t.detach().to(dtype if dtype and t.is_floating_point() else t.dtype, copy=True) for t in inputs]
        for t in x:
            t.requires_grad_(t.is_floating_point())
        out = OPS[op](x, args)
        result = {"dtype": str(dtype).removeprefix("torch.") if dtype else "", "output": array(out)}
        if out.requires_grad:
            if seed is None:
                seed = values(rng, out.shape)
            result["seed"] = array(seed.to(out.dtype))
            out.backward(seed.to(out.dtype))
            # Where nothing flowed the gradient is 0.
            result["grads"] = [
                array(torch.zeros_like(t) if t.grad is None else t.grad) if t.requires_grad else None for t in x
            ]
        results.append(result)
    name = " ".join(
        [str(list(t.shape)) if not typed else f"{str(t.dtype)[6:]}{list(t.shape)}" for t in inputs]
        + [f"{k}={v}" for k, v in args.items()]
        + [note]
    ).strip()
    cases.append(
        {"op": op, "name": name, "args": args, "inputs": [array(t) for t in inputs], "smooth": smooth, "results": results}
    )


def draw(*shape):
    """Distinct float64 numbers that float32 holds too."""
    return values(rng, shape)


def f64(data):
    return torch.tensor(data, dtype=F64)


def save(name):
    """Writes the cases to name beside this script."""
    write(HERE / name, {"cases": cases})
