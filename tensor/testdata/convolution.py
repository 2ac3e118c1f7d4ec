"""Writes convolution.json: what PyTorch computes for convolutions.

Run with any Python that has torch (made with 1.13): python3 tensor/testdata/convolution.py
"""

from cases import INF, NAN, OPS, case, f64, rng, save, torch, values


def conv2d(x, a):
    bias = x[2] if len(x) == 3 else None
    names = ["stride", "padding", "dilation", "groups"]
    return torch.nn.functional.conv2d(x[0], x[1], bias, **{k: a[k] for k in names if k in a})


OPS.update({"Conv2d": conv2d})

# Sums that cancel have few digits in float32, in PyTorch too: the seed is one with which none does.
rng.seed(3)
for x, w, bias, args in [
    ((2, 3, 5, 4), (4, 3, 3, 3), True, {}),
    ((1, 1, 1, 1), (1, 1, 1, 1), True, {}),
    ((2, 2, 4, 5), (3, 2, 1, 1), False, {}),
    ((2, 1, 6, 5), (2, 1, 3, 3), True, {"padding": [1, 1]}),
    ((1, 2, 5, 7), (3, 2, 5, 5), True, {"padding": [2, 2]}),
    ((2, 2, 7, 6), (2, 2, 3, 2), False, {"stride": [2, 2]}),
    ((1, 2, 7, 8), (3, 2, 3, 3), True, {"stride": [2, 3], "padding": [1, 2]}),
    ((2, 1, 5, 6), (1, 1, 1, 1), True, {"stride": [2, 2]}),
    ((1, 1, 7, 7), (2, 1, 2, 1), True, {"stride": [3, 4], "padding": [0, 1]}),
    ((1, 2, 7, 6), (2, 2, 3, 2), True, {"dilation": [2, 3]}),
    ((2, 2, 6, 7), (3, 2, 2, 3), False, {"dilation": [3, 2], "stride": [2, 1], "padding": [2, 3]}),
    ((1, 1, 2, 3), (2, 1, 2, 2), True, {"padding": [3, 2]}),
    ((1, 1, 1, 2), (1, 1, 1, 1), True, {"padding": [2, 1], "stride": [2, 2]}),
    ((2, 4, 4, 3), (6, 2, 2, 3), True, {"groups": 2, "padding": [1, 1]}),
    ((1, 3, 5, 5), (3, 1, 3, 3), True, {"groups": 3, "padding": [1, 1]}),
    ((2, 2, 5, 4), (6, 1, 3, 2), False, {"groups": 2, "stride": [2, 1], "dilation": [1, 2], "padding": [1, 1]}),
    ((1, 9, 2, 2), (17, 9, 1, 1), True, {}),
    ((0, 2, 4, 4), (3, 2, 3, 3), True, {"padding": [1, 1]}),
]:
    inputs = [x, w] + ([(w[0],)] if bias else [])
    case("Conv2d", *[values(rng, shape, high=2.5) if torch.Size(shape).numel() < 200 else values(rng, shape) for shape in inputs], **args)
special = torch.zeros(1, 1, 4, 5, dtype=torch.float64)
special[0, 0, 1, 1], special[0, 0, 2, 3], special[0, 0, 3, 0] = NAN, INF, -INF
case("Conv2d", special, f64([[[[1.0, 2.0], [0.0, -1.0]]]]), smooth=False, note="special")

save("convolution.json")
