"""Writes pooling.json: what PyTorch computes for pooling and batch normalization.

Run with any Python that has torch (made with 1.13): python3 tensor/testdata/pooling.py
"""

from cases import INF, NAN, OPS, case, draw, f64, save, torch

F = torch.nn.functional


def pool(f):
    return lambda x, a: f(x[0], a["kernel"], a.get("stride"), a.get("padding", 0))


def batch_norm(x, a):
    """x[0] normalized, with x[1] and x[2], if any, as weight and bias; numbers are the running mean and variance."""
    running = torch.tensor(a.get("numbers", []), dtype=x[0].dtype).chunk(2) if "numbers" in a else (None, None)
    weight, bias = (x[1:] + [None, None])[:2]
    return F.batch_norm(x[0], *running, weight, bias, training=a.get("training", False), eps=a["eps"])


OPS.update({
    "MaxPool2d": pool(F.max_pool2d),
    "AvgPool2d": pool(F.avg_pool2d),
    "AdaptiveAvgPool2d": lambda x, a: F.adaptive_avg_pool2d(x[0], a["shape"]),
    "BatchNorm": batch_norm,
    "BatchNormReLU": lambda x, a: batch_norm(x, a).relu(),
})

for op in ["MaxPool2d", "AvgPool2d"]:
    for shape, args in [
        ((2, 2, 4, 4), {"kernel": [2, 2]}),
        ((2, 3, 5, 7), {"kernel": [2, 2]}),
        ((1, 2, 4, 5), {"kernel": [2, 2], "stride": [2, 2]}),
        ((3, 5, 4), {"kernel": [2, 2]}),
        ((1, 1, 2, 36), {"kernel": [2, 2]}),
        ((2, 2, 3, 3), {"kernel": [2, 2], "stride": [1, 1]}),
        ((2, 2, 3, 3), {"kernel": [2, 2], "padding": [1, 1]}),
        ((2, 2, 6, 5), {"kernel": [3, 3]}),
        ((2, 2, 6, 5), {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]}),
        ((1, 2, 7, 5), {"kernel": [3, 2], "stride": [2, 3], "padding": [1, 0]}),
        ((1, 1, 4, 6), {"kernel": [1, 3], "stride": [3, 1], "padding": [0, 1]}),
        ((1, 2, 3, 4), {"kernel": [1, 1], "stride": [2, 2]}),
        ((1, 2, 4, 6), {"kernel": [4, 6]}),
        ((2, 1, 1, 1), {"kernel": [1, 1]}),
        ((2, 1, 1, 1), {"kernel": [3, 3], "padding": [1, 1]}),
        ((0, 2, 4, 4), {"kernel": [2, 2]}),
        ((0, 2, 5, 4), {"kernel": [3, 3], "stride": [1, 1]}),
    ]:
        case(op, draw(*shape), **args)
# The last NaN of a window gets the gradient, the first of equal elements, and the first of all if they are -Inf.
special = f64([[
    [1.0, NAN, INF, 2.0, -INF, -INF, 3.0, 3.0, 0.0, -0.0],
    [NAN, 0.5, -1.0, INF, -INF, -INF, 3.0, 3.0, -0.0, -1.0],
    [NAN, NAN, -INF, 2.0, -1.0, -1.0, -2.0, INF, -0.0, 0.0],
    [NAN, NAN, NAN, INF, -2.0, -1.0, NAN, -2.0, 1e-40, 1.0],
]])
for args in [{"kernel": [2, 2]}, {"kernel": [2, 2], "stride": [1, 1]}, {"kernel": [3, 3], "padding": [1, 1]}]:
    case("MaxPool2d", special, smooth=False, note="special", **args)
case("AvgPool2d", special, smooth=False, kernel=[2, 2], note="special")

for shape, size in [
    ((2, 3, 7, 7), (1, 1)),
    ((2, 2, 5, 7), (3, 2)),
    ((3, 4, 6), (2, 3)),
    ((1, 2, 3, 2), (5, 4)),
    ((2, 1, 1, 1), (1, 1)),
    ((1, 2, 4, 5), (4, 5)),
    ((0, 2, 4, 4), (1, 1)),
]:
    case("AdaptiveAvgPool2d", draw(*shape), shape=list(size))

# Results near 0 have few digits left in float32: that is compared with float64 elsewhere.
for shape in [(4, 3), (2, 1), (5, 2, 3), (1, 3, 4), (2, 3, 3, 2), (3, 2, 1, 1), (1, 1, 2, 5), (2, 2, 2, 1, 3), (0, 2), (0, 3, 2, 2)]:
    x, weight, bias = draw(*shape), draw(shape[1]), draw(shape[1])
    mean, variance = draw(shape[1]), draw(shape[1]).abs()
    running = mean.tolist() + variance.tolist()
    for op in ["BatchNorm", "BatchNormReLU"]:
        case(op, x, weight, bias, typed=True, training=True, eps=0.1)
        case(op, x, weight, bias, typed=True, eps=1e-3, numbers=running)
    case("BatchNorm", x, typed=True, training=True, eps=0.1)
    case("BatchNormReLU", x, typed=True, training=True, eps=0.1)
    case("BatchNorm", x, typed=True, eps=0, numbers=running)
    case("BatchNorm", x, weight, typed=True, training=True, eps=0.5)
case("BatchNorm", f64([[1.0, NAN, 2.0], [INF, 0.0, 1.0], [0.0, 1.0, -INF]]), typed=True, smooth=False, training=True, eps=1e-5, note="special")
case("BatchNormReLU", f64([[1.0, NAN, 2.0], [INF, 0.0, -INF]]), typed=True, smooth=False, eps=1e-5, numbers=[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], note="special")

save("pooling.json")
