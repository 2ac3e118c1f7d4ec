"""Writes reference.json: what PyTorch computes for every operation that computes.

Run with any Python that has torch (made with 1.13): python3 tensor/testdata/reference.py
"""

from cases import BOOL, F32, F64, I64, INF, NAN, OPS, TYPES, U8, case, draw, f64, rng, save, torch, values


def dims(x, a):
    """The dimensions to reduce over: all where none are named."""
    return a.get("dims") or tuple(range(x.dim()))


def folded(f):
    """f(x, dim, keepdim), which PyTorch has for one dimension, over several."""

    def fold(x, a, keepdim):
        for d in sorted((d % max(1, x.dim()) for d in dims(x, a)), reverse=True):
            x = f(x, d, keepdim)
        return x

    return fold


prod, any_of, all_of = (folded(f) for f in (torch.prod, torch.any, torch.all))


def gelu(x):
    """PyTorch's GELU by the form that keeps the digits of small results: its own has 1 + erf, which cancels."""
    y = x * torch.special.ndtr(x)
    assert torch.allclose(y, torch.nn.functional.gelu(x), atol=1e-6, equal_nan=True)
    return y


def cross_entropy(x, labels):
    """PyTorch's cross-entropy in float64: in float32 the difference of two logarithms loses the digits of small losses."""
    y = torch.nn.functional.cross_entropy(x.double(), labels, reduction="none").to(x.dtype)
    assert torch.allclose(y, torch.nn.functional.cross_entropy(x, labels, reduction="none"), atol=1e-6, equal_nan=True)
    return y


OPS.update({
    "Add": lambda x, a: x[0] + x[1],
    "Sub": lambda x, a: x[0] - x[1],
    "Mul": lambda x, a: x[0] * x[1],
    "Div": lambda x, a: x[0] / x[1],
    "Maximum": lambda x, a: torch.maximum(x[0], x[1]),
    "Minimum": lambda x, a: torch.minimum(x[0], x[1]),
    "AddScalar": lambda x, a: x[0] + a["scalar"],
    "SubScalar": lambda x, a: x[0] - a["scalar"],
    "MulScalar": lambda x, a: x[0] * a["scalar"],
    "DivScalar": lambda x, a: x[0] / a["scalar"],
    "Pow": lambda x, a: x[0] ** x[1],
    "PowScalar": lambda x, a: x[0] ** a["scalar"],
    "AddInPlace": lambda x, a: x[0].detach().add_(x[1].detach()),
    "SubInPlace": lambda x, a: x[0].detach().sub_(x[1].detach()),
    "MulInPlace": lambda x, a: x[0].detach().mul_(x[1].detach()),
    "DivInPlace": lambda x, a: x[0].detach().div_(x[1].detach()),
    "PowInPlace": lambda x, a: x[0].detach().pow_(x[1].detach()),
    "AddScaledInPlace": lambda x, a: x[0].detach().add_(x[1].detach(), alpha=a["scalar"]),
    "Neg": lambda x, a: -x[0],
    "Exp": lambda x, a: x[0].exp(),
    "Log": lambda x, a: x[0].log(),
    "Log1p": lambda x, a: x[0].log1p(),
    "Sqrt": lambda x, a: x[0].sqrt(),
    "Abs": lambda x, a: x[0].abs(),
    "ReLU": lambda x, a: x[0].relu(),
    "LeakyReLU": lambda x, a: torch.nn.functional.leaky_relu(x[0], a["scalar"]),
    "Clamp": lambda x, a: x[0].clamp(a.get("low"), a.get("high")),
    "Sigmoid": lambda x, a: x[0].sigmoid(),
    "LogSigmoid": lambda x, a: torch.nn.functional.logsigmoid(x[0]),
    "Tanh": lambda x, a: x[0].tanh(),
    "Erf": lambda x, a: x[0].erf(),
    "GELU": lambda x, a: gelu(x[0]),
    "Sum": lambda x, a: x[0].sum(dims(x[0], a)),
    "SumKeepDim": lambda x, a: x[0].sum(dims(x[0], a), keepdim=True),
    "Mean": lambda x, a: x[0].mean(dims(x[0], a)),
    "MeanKeepDim": lambda x, a: x[0].mean(dims(x[0], a), keepdim=True),
    "Max": lambda x, a: x[0].amax(dims(x[0], a)),
    "MaxKeepDim": lambda x, a: x[0].amax(dims(x[0], a), keepdim=True),
    "Min": lambda x, a: x[0].amin(dims(x[0], a)),
    "MinKeepDim": lambda x, a: x[0].amin(dims(x[0], a), keepdim=True),
    "Prod": lambda x, a: prod(x[0], a, False),
    "ProdKeepDim": lambda x, a: prod(x[0], a, True),
    "Var": lambda x, a: x[0].var(dims(x[0], a), correction=a["correction"]),
    "VarKeepDim": lambda x, a: x[0].var(dims(x[0], a), correction=a["correction"], keepdim=True),
    "Std": lambda x, a: x[0].std(dims(x[0], a), correction=a["correction"]),
    "StdKeepDim": lambda x, a: x[0].std(dims(x[0], a), correction=a["correction"], keepdim=True),
    "Any": lambda x, a: any_of(x[0].bool(), a, False),
    "AnyKeepDim": lambda x, a: any_of(x[0].bool(), a, True),
    "All": lambda x, a: all_of(x[0].bool(), a, False),
    "AllKeepDim": lambda x, a: all_of(x[0].bool(), a, True),
    "ArgMax": lambda x, a: x[0].argmax(a["dim"]),
    "ArgMaxKeepDim": lambda x, a: x[0].argmax(a["dim"], keepdim=True),
    "ArgMin": lambda x, a: x[0].argmin(a["dim"]),
    "ArgMinKeepDim": lambda x, a: x[0].argmin(a["dim"], keepdim=True),
    "MaxWithIndex": lambda x, a: x[0].max(a["dim"]).values,
    "MaxWithIndex/index": lambda x, a: x[0].max(a["dim"]).indices,
    "MinWithIndex": lambda x, a: x[0].min(a["dim"]).values,
    "MinWithIndex/index": lambda x, a: x[0].min(a["dim"]).indices,
    "LogSumExp": lambda x, a: x[0].logsumexp(dims(x[0], a)),
    "LogSumExpKeepDim": lambda x, a: x[0].logsumexp(dims(x[0], a), keepdim=True),
    "MatMul": lambda x, a: x[0] @ x[1],
    "Linear": lambda x, a: torch.nn.functional.linear(*x),
    "CrossEntropy": lambda x, a: cross_entropy(*x),
    "Softmax": lambda x, a: x[0].softmax(a["dim"]),
    "LogSoftmax": lambda x, a: x[0].log_softmax(a["dim"]),
    "Eq": lambda x, a: x[0] == x[1],
    "Ne": lambda x, a: x[0] != x[1],
    "Lt": lambda x, a: x[0] < x[1],
    "Le": lambda x, a: x[0] <= x[1],
    "Gt": lambda x, a: x[0] > x[1],
    "And": lambda x, a: x[0].logical_and(x[1]),
    "Or": lambda x, a: x[0].logical_or(x[1]),
    "Not": lambda x, a: x[0].logical_not(),
    "Ge": lambda x, a: x[0] >= x[1],
})

BROADCAST = [
    ((), ()),
    ((3,), ()),
    ((), (2, 3)),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1), (3,)),
    ((2, 1), (1, 3)),
    ((1, 3, 1), (2, 1, 2)),
    ((2, 2, 3), (2, 1, 3)),
    ((0, 3), (3,)),
    ((2, 0), (2, 1)),
    ((1,), (0,)),
]
for op in ["Add", "Sub", "Mul", "Div"]:
    for a, b in BROADCAST:
        case(op, draw(*a), draw(*b))
case("Div", f64([1.0, -1.0, 0.0]), f64([0.0, 0.0, 0.0]), smooth=False, note="by 0")
for op in ["AddScalar", "SubScalar", "MulScalar", "DivScalar"]:
    for shape in [(), (2, 3), (0, 2)]:
        case(op, draw(*shape), scalar=-2.5)
    for scalar in [3, 0.5]:
        for data in [torch.tensor([1, 2, 200], dtype=U8), torch.tensor([-7, 0, 9]), torch.tensor(5, dtype=U8), torch.tensor(-4)]:
            case(op, data, typed=True, scalar=scalar)
case("AddScalar", torch.tensor([True, False]), typed=True, scalar=2)
case("MulScalar", torch.tensor(200, dtype=U8), typed=True, scalar=2, note="wraps")

for op in ["Neg", "Exp", "Abs", "ReLU", "LogSigmoid"]:
    for shape in [(), (3,), (2, 3), (2, 1, 3), (0,), (2, 0)]:
        case(op, draw(*shape))
for shape in [(), (3,), (2, 3), (2, 1, 3), (0,), (2, 0)]:
    for op in ["Sigmoid", "Tanh", "Erf"]:  # where 1 - y has most of its digits
        case(op, values(rng, shape, high=1.5))
    case("GELU", draw(*shape).abs())
case("GELU", f64([-0.125, -0.5, -1.0, -2.0, -3.0]), note="not where the derivative is near 0")
for shape in [(), (3,), (2, 3), (0, 2)]:
    for op in ["Log", "Log1p", "Sqrt"]:
        case(op, draw(*shape).abs())
    case("LeakyReLU", draw(*shape), scalar=0.01)
    case("Clamp", draw(*shape), low=-1.5078125, high=2.0078125)
SPECIAL = f64([0.0, -1.0, INF, -INF, NAN])
TINY = f64([1e-30, -1e-30, 1e-10, -1e-10, -0.0])
for op in ["Log1p", "Sqrt", "Abs", "LeakyReLU", "Sigmoid", "LogSigmoid", "Tanh", "Erf", "GELU"]:
    args = {"scalar": 0.25} if op == "LeakyReLU" else {}
    case(op, SPECIAL, smooth=False, note="special", **args)
    case(op, TINY, smooth=False, note="tiny", **args)
    if op not in ("Log1p", "Sqrt"):
        case(op, f64([-1e3, -50.0, 50.0, 1e3]), smooth=False, note="large", **args)
case("Log1p", f64([1e-4, 1e3, 1e30, -0.9375]), note="sizes")
case("LeakyReLU", draw(2, 3), scalar=-0.5)
case("LogSigmoid", f64([-20.0, -700.0, 20.0, 30.0]), smooth=False, note="sizes")
for dtype in [U8, I64]:
    for op in ["Abs", "ReLU"]:
        case(op, torch.tensor([0, 3, 200] if dtype == U8 else [-(2**62), -3, 0, 3]).to(dtype), typed=True)
    for low, high in [(2, 100), (0.5, 100), (2, 1)]:
        case("Clamp", torch.tensor([1, 3, 200], dtype=dtype), typed=True, low=low, high=high)
case("Clamp", torch.tensor([-(2**62), 5, 2**62]), typed=True, low=0)
case("Clamp", torch.tensor([1, 5, 255], dtype=U8), typed=True, high=9)
case("Clamp", SPECIAL, smooth=False, low=-1.0, high=0.0, note="at the bounds")
case("Clamp", SPECIAL, smooth=False, low=0.0, note="at the bound")
case("Clamp", draw(2, 3), low=1.0, high=-1.0, smooth=False, note="bounds the wrong way round")
for op in ["Log1p", "Sqrt", "Sigmoid", "Tanh", "Erf"]:
    case(op, torch.tensor([0, 1, 4]), typed=True)
    case(op, torch.tensor([0, 1, 4], dtype=U8), typed=True)

# Parts with sums that cancel draw from seeds of their own, with which float32's results have their digits in PyTorch too.
rng.seed(1)
for a, b in BROADCAST:
    case("Pow", draw(*a).abs(), values(rng, b, high=2.0))
case("Pow", f64([-1.5, -2.0, -0.5, 3.0]), f64([2.0, -1.0, 3.0, 0.0]), smooth=False, note="below 0")
case("Pow", f64([0.0, 0.0, 0.0, 0.0, 0.0]), f64([0.0, 1.0, 2.0, 0.5, -1.0]), smooth=False, note="of 0")
case("Pow", f64([INF, -INF, NAN, NAN, 1.0]), f64([2.0, 3.0, 0.0, 1.0, NAN]), smooth=False, note="special")
for scalar in [0, 1, 2, 3, 0.5, -1, -1.5]:
    case("PowScalar", draw(2, 3).abs(), scalar=scalar)
for scalar in [0, 1, 2, 3, 0.5]:
    case("PowScalar", f64([0.0, 1.0, INF, NAN]), smooth=False, scalar=scalar, note="special")
    for dtype in [U8, I64]:
        case("PowScalar", torch.tensor([0, 1, 7, 13], dtype=dtype), typed=True, scalar=scalar)
case("PowScalar", torch.tensor([-2, 3]), typed=True, scalar=-0.5)
case("PowScalar", draw(2).abs(), scalar=-2)
case("Pow", torch.tensor([2, 3, 1, -1, -1, 5, -3, 10]), torch.tensor([-1, -2, -3, -2, -3, 0, 3, 20]), typed=True)
case("Pow", torch.tensor([2, 3, 0, 255], dtype=U8), torch.tensor([7, 200, 0, 2], dtype=U8), typed=True, note="wraps")
case("Neg", SPECIAL, smooth=False)
case("Exp", f64([0.0, -1.0, -800.0, 800.0, INF, -INF, NAN]), smooth=False)
case("Log", SPECIAL, smooth=False)
case("ReLU", SPECIAL, smooth=False)
case("Neg", torch.tensor([0, 1, 255], dtype=U8), typed=True)
case("Neg", torch.tensor(7, dtype=U8), typed=True)
case("Neg", torch.tensor([-3, 0, 4]), typed=True)
case("Exp", torch.tensor([-3, 0, 4]), typed=True)
case("Log", torch.tensor([1, 2, 200], dtype=U8), typed=True)

OVER = [((), ()), ((4,), ()), ((4,), (0,)), ((2, 3), (0,)), ((2, 3), (1,)), ((2, 3), (-1,)), ((2, 3), ()), ((2, 1), (1,))]
OVER += [((2, 3, 2), (0, 2)), ((2, 3, 2), (1,)), ((2, 3, 2), (-1, 0)), ((2, 3, 2), (0, 1, 2)), ((0, 3), (1,)), ((2, 0, 2), (0, 2))]
OVER += [((), (0,)), ((), (-1,))]
for op in ["Sum", "Mean", "Max", "Min", "Any", "All"]:
    for keep in ["", "KeepDim"]:
        for shape, over in OVER:
            case(op + keep, draw(*shape), dims=list(over))
for keep in ["", "KeepDim"]:
    for shape, over in OVER:
        case("Prod" + keep, values(rng, shape, high=1.5), dims=list(over))
        case("LogSumExp" + keep, values(rng, shape, high=1.5), dims=list(over))
        for op in ["Var", "Std"]:
            # Of 1 element the variance is 0, where its root has no derivative, or NaN.
            case(op + keep, draw(*shape), dims=list(over), correction=0, smooth=shape not in [(), (2, 1)])
            if shape:  # of a scalar PyTorch has NaN, but an infinite derivative
                case(op + keep, draw(*shape), dims=list(over), correction=1, smooth=shape != (2, 1))
for op in ["Sum", "Mean", "Prod", "LogSumExp", "Any", "All"]:
    case(op, draw(0, 3), dims=[0], note="over nothing")
    case(op, draw(0), dims=[], note="over nothing")
case("Sum", torch.tensor([[True, False], [True, True]]), typed=True, dims=[1])
case("Sum", torch.tensor([200, 100, 7], dtype=U8), typed=True, dims=[])
case("Sum", torch.tensor([[2**62, -1], [-(2**61), 5]]), typed=True, dims=[0])
for zeros in [[2.0, 0.0, 3.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.5, -1.5]]:
    case("Prod", f64([zeros, [1.0, -2.0, 0.25]]), dims=[1], note=f"with zeros {zeros}")
    case("Prod", f64([zeros, [0.5, -2.0, 0.25]]), dims=[], note=f"with zeros {zeros}")
case("Prod", f64([[INF, 0.0], [NAN, 1.0], [INF, -2.0]]), dims=[1], smooth=False, note="special")
case("Prod", torch.tensor([[True, False], [True, True]]), typed=True, dims=[1])
case("Prod", torch.tensor([200, 100, 7], dtype=U8), typed=True, dims=[])
case("Prod", torch.tensor([[2**62, -1], [4, 5]]), typed=True, dims=[0])
for op in ["Var", "Std"]:
    for correction in [0, 1, 2, 3, 4]:
        case(op, f64([[0.5, 3.0, 1.0], [1.0, 1.0, 1.0]]), dims=[1], correction=correction, smooth=False, note="equal")
    case(op, f64([[1e8 + 1, 1e8 + 2, 1e8 + 4]]), dims=[1], correction=1, smooth=False, typed=True, note="far from 0")
    case(op, f64([[1.0, INF], [NAN, 1.0]]), dims=[1], correction=1, smooth=False, note="special")
    case(op, draw(0, 3), dims=[0], correction=1, smooth=False, note="over nothing")
case("LogSumExp", f64([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, 9999.0]]), dims=[1], smooth=False, note="extreme")
case("LogSumExp", f64([[-INF, 0.0, 1.0], [-INF, -INF, -INF], [INF, 0.0, 1.0]]), dims=[1], smooth=False, note="infinite")
case("LogSumExp", f64([[INF, -INF], [NAN, 1.0], [INF, INF]]), dims=[1], smooth=False, note="special")
for op in ["Any", "All"]:
    for dtype in TYPES:
        case(op, torch.tensor([[0, 0, 0], [0, 1, 0], [1, 2, 3]]).to(dtype), typed=True, dims=[1])
    case(op, f64([[NAN, 0.0], [0.0, -0.0]]), dims=[1], note="NaN is true")
for op in ["Max", "Min"]:
    case(op, f64([[1.0, 3.0, 3.0], [1.0, 1.0, 1.0]]), dims=[1], smooth=False, note="ties")
    case(op, f64([[1.0, 3.0, 3.0], [1.0, 1.0, 1.0]]), dims=[], smooth=False, note="ties")
    case(op, f64([[1.0, NAN], [INF, -INF]]), dims=[1], smooth=False, note="special")
    case(op, torch.tensor([[3, -1], [2, 8]]), typed=True, dims=[0])
    case(op, torch.tensor([3, 255, 0], dtype=U8), typed=True, dims=[])
for op in ["ArgMax", "ArgMin", "ArgMaxKeepDim", "ArgMinKeepDim", "MaxWithIndex", "MaxWithIndex/index", "MinWithIndex", "MinWithIndex/index"]:
    for shape, dim in [((4,), 0), ((2, 3), 0), ((2, 3), -1), ((2, 3, 2), 1), ((0, 3), 1), ((), 0), ((), -1)]:
        case(op, draw(*shape), dim=dim)
    case(op, f64([[1.0, 3.0, 3.0], [1.0, 1.0, 1.0]]), dim=1, smooth=False, note="ties")
    case(op, f64([[1.0, NAN, NAN], [INF, -INF, 0.0]]), dim=1, smooth=False, note="special")
    case(op, torch.tensor([[3, 255, 0]], dtype=U8), typed=True, dim=1)
    case(op, torch.tensor([[3, -9], [7, 1]]), typed=True, dim=0)

for m, k, n in [(2, 3, 4), (1, 1, 1), (3, 1, 2), (1, 5, 1), (4, 3, 1), (7, 9, 5), (0, 3, 2), (2, 3, 0), (2, 0, 3)]:
    case("MatMul", draw(m, k), draw(k, n))
for a, b in [
    ((3,), (3,)),
    ((0,), (0,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 0), (0,)),
    ((2, 2, 3), (2, 3, 4)),
    ((2, 2, 3), (1, 3, 4)),
    ((1, 2, 3), (2, 3, 4)),
    ((2, 2, 3), (3, 4)),
    ((2, 2, 3), (3,)),
    ((2, 3), (2, 3, 2)),
    ((3,), (2, 3, 2)),
    ((2, 1, 2, 3), (3, 3, 2)),
    ((2, 1, 1, 3), (1, 2, 3, 1)),
    ((2, 2, 2, 3), (3, 2)),
    ((0, 2, 3), (3, 2)),
    ((0, 2, 3), (0, 3, 2)),
    ((2, 2, 0), (2, 0, 3)),
]:
    case("MatMul", draw(*a), draw(*b))

rng.seed(2)
for op in ["Softmax", "LogSoftmax"]:
    for shape, dim in [((3,), 0), ((2, 3), 1), ((2, 3), 0), ((2, 3, 2), -2), ((2, 1), 1), ((0, 3), 1), ((0, 3), 0), ((2, 0), 1), ((), 0), ((), -1)]:
        case(op, values(rng, shape, high=1.5), dim=dim)
    case(op, f64([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, 9999.0]]), dim=1, smooth=False, note="extreme")
    case(op, f64([[-INF, 0.0, 1.0], [2.0, -INF, -INF]]), dim=1, smooth=False, note="-Inf")
    case(op, f64([[INF, 0.0], [NAN, 1.0], [-INF, -INF]]), dim=1, smooth=False, note="NaN")

for op in ["Eq", "Ne", "Lt", "Le", "Gt", "Ge"]:
    case(op, f64([1.0, 2.0, 3.0, NAN, INF, NAN]), f64([1.0, 3.0, 2.0, NAN, INF, 0.0]))
    case(op, f64([[1.0], [2.0]]), f64([1.0, 2.0, 3.0]))
    case(op, draw(), draw())
    case(op, draw(0, 2), draw(2))
    case(op, torch.tensor([True, False]), torch.tensor([True, True]), typed=True)

for op in ["And", "Or"]:
    case(op, torch.tensor([[True], [False]]), torch.tensor([True, False]), typed=True)
    case(op, torch.tensor([0, 1, 2], dtype=U8), torch.tensor([-3, 0, 5]), typed=True)
    case(op, f64([0.0, 0.5, NAN]), f64([[1.0], [0.0]]))
    case(op, draw(0, 2), draw(2))
case("Not", torch.tensor([[True, False]]), typed=True)
case("Not", torch.tensor([0, 255], dtype=U8), typed=True)
case("Not", f64([0.0, -0.0, 0.5, NAN, INF]))
case("Not", draw())

# Promotion: every pair of types, with and without dimensions. PyTorch adds two bools up to a bool, which is refused here,
# and refuses to subtract with one (and to differentiate a power), which here counts as a number.
SAMPLES = {BOOL: [1, 0, 1], U8: [3, 200, 7], I64: [-2, 300, 5], F32: [0.5, -1.25, 7.0], F64: [0.1, 2.5, -3.0]}
for a in TYPES:
    for b in TYPES:
        for scalar in ["", "x", "y", "xy"]:
            x, y = torch.tensor(SAMPLES[a], dtype=a), torch.tensor(SAMPLES[b], dtype=b)
            x, y = (x[0] if "x" in scalar else x), (y[0] if "y" in scalar else y)
            for op in ["Add", "Sub", "Mul", "Div", "Pow", "Lt"]:
                if op in ("Add", "Mul") and a == b == BOOL or op in ("Sub", "Pow") and BOOL in (a, b):
                    continue
                if op not in ("Add", "Div") and scalar:
                    continue
                if op == "Pow" and a in (U8, I64) and b == F64:  # PyTorch takes the logarithm for its gradient in float32
                    continue
                case(op, x, y, typed=True, smooth=False)

for v in [256, 300, -7]:
    case("DivScalar", torch.tensor([255, 128, 0], dtype=U8), typed=True, scalar=v)
case("PowScalar", torch.tensor([2, 3], dtype=U8), typed=True, scalar=255)
for shape in [(), (0,), (2, 0)]:
    case("PowScalar", draw(*shape).abs(), scalar=1.5)
    case("Not", draw(*shape))
for op in ["And", "Or"]:
    case(op, f64(0.5), f64(0.0))
    case(op, f64([0.5, 0.0]), f64(0.5))

# In place: the type of the first decides, and where that of the second is above it PyTorch computes in that one and
# converts once, which sums that cancel, products that overflow, and powers beyond a uint8 tell apart.
IN_PLACE = ["AddInPlace", "SubInPlace", "MulInPlace", "DivInPlace", "PowInPlace", "AddScaledInPlace"]
for op in IN_PLACE:
    args = {"scalar": -0.75} if op == "AddScaledInPlace" else {}
    for shape, other in [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 3), ()), ((), ()), ((0, 3), (3,)), ((0,), (1,))]:
        case(op, draw(*shape).abs(), draw(*other), **args)
    x = torch.tensor([[1, 1e-30], [3, -2]], dtype=F32)
    case(op, x, f64([[-1 - 2.0**-30, 1e60], [1 + 2.0**-40, 1e-300]]), typed=True, **args)
    case(op, x, f64([1 - 2.0**-30, 1e40]), typed=True, **args)
    case(op, x, f64(1 - 2.0**-30), typed=True, **args)
    for dtype in [U8, I64] if op == "SubInPlace" else [BOOL, U8, I64]:
        case(op, x, torch.tensor([1, 0]).to(dtype), typed=True, **args)
for op in ["AddInPlace", "SubInPlace", "MulInPlace", "PowInPlace"]:
    for y in [[[1, 256], [300, 2]], [-1, 257], [[-2], [3]], 5]:
        case(op, torch.tensor([[1, 2], [3, 255]], dtype=U8), torch.tensor(y), typed=True)
        case(op, torch.tensor([[1, 2], [-3, 255]]), torch.tensor(y).abs().to(U8), typed=True)
case("AddScaledInPlace", torch.ones(2), f64([-1 - 2.0**-30, 2.0]), typed=True, scalar=1)
case("AddInPlace", f64([1.0, 2.0]), torch.tensor([True, False]), typed=True)

for m, k, n in [(1, 1, 1), (3, 4, 2), (2, 7, 5), (5, 1, 3), (0, 3, 2), (3, 0, 2), (3, 2, 0)]:
    case("Linear", draw(m, k), draw(n, k), draw(n))
case("Linear", draw(3, 4), draw(2, 4))
case("Linear", draw(4), draw(2, 4), draw(2))
case("Linear", draw(2, 3, 4), draw(5, 4), draw(5))
case("Linear", draw(2, 1, 3, 4), draw(2, 4))
for n, c in [(1, 1), (1, 4), (3, 2), (5, 7), (0, 3), (20, 3)]:
    case("CrossEntropy", draw(n, c), torch.arange(n) * 5 % c)
case("CrossEntropy", f64([[1e3, -1e3, 0.0], [1e3, -1e3, 0.0]]), torch.tensor([0, 1]), smooth=False, note="large")
case("CrossEntropy", f64([[INF, 0.0], [NAN, 0.0], [-INF, 0.0], [-INF, 0.0]]), torch.tensor([0, 0, 1, 0]), smooth=False, note="special")

for op in ["Maximum", "Minimum"]:
    for a, b in BROADCAST:
        case(op, draw(*a), draw(*b))
    case(op, f64([[1.0, -2.0, 3.0]]), f64([[1.0], [-2.0], [0.0]]), smooth=False, note="equal")
    case(op, f64([NAN, 1.0, NAN, INF, -INF, INF]), f64([1.0, NAN, NAN, INF, INF, 0.0]), smooth=False, note="special")
    for a in TYPES:
        for b in TYPES:
            if not a == b == BOOL:
                case(op, torch.tensor(SAMPLES[a], dtype=a), torch.tensor(SAMPLES[b], dtype=b), typed=True, smooth=False)
                case(op, torch.tensor(SAMPLES[a], dtype=a), torch.tensor(SAMPLES[b][0], dtype=b), typed=True, smooth=False)

save("reference.json")
