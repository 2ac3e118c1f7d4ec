"""What the scripts that make reference numbers share: how arrays and files are written."""

import json
import math

import torch


def number(v):
    """A NumPy scalar as JSON holds it, with the fewest digits of its type that tell it from its neighbours.

    NaN and infinities are strings, booleans 0 or 1.
    """
    if v.dtype.kind != "f":
        return int(v)
    if not math.isfinite(v):
        return str(v)
    return int(v) if v == int(v) and abs(v) < 1e15 and not (v == 0 and math.copysign(1, v) < 0) else float(str(v))


def array(t):
    """A tensor: its type, shape and elements in row-major order."""
    return {
        "dtype": str(t.dtype).removeprefix("torch."),
        "shape": list(t.shape),
        "data": [number(v) for v in t.detach().flatten().numpy()],
    }


def write(path, groups):
    """Writes {name: [entry, ...]}, one entry a line."""
    parts = []
    for name, entries in groups.items():
        lines = ",\n".join(json.dumps(e, allow_nan=False) for e in entries)
        parts.append(f"{json.dumps(name)}: [\n{lines}\n]")
    with open(path, "w") as f:
        f.write("{\n" + ",\n".join(parts) + "\n}\n")


def values(rng, shape, low=0.25, high=4.0):
    """A float64 tensor of distinct multiples of 1/64 with magnitudes in [low, high): float32 holds them too."""
    numerators = range(int(low * 64), int(high * 64))
    n = math.prod(shape)
    drawn = rng.sample([s * k / 64 for k in numerators for s in (-1, 1)], n)
    return torch.tensor(drawn, dtype=torch.float64).reshape(shape)
