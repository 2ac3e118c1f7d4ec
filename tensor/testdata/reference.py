"""Writes reference.json: what PyTorch computes for every operation, and how it prints tensors.

Run with any Python that has torch (made with 1.13): python3 tensor/testdata/reference.py
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
F32, F64, I64, U8, BOOL = torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool
INF, NAN = float("inf"), float("nan")


def dims(x, a):
    """The dimensions to reduce over: all where none are named."""
    return a.get("dims") or tuple(range(x.dim()))


# Every operation by the name of its method.
OPS = {
    "Add": lambda x, a: x[0] + x[1],
    "Sub": lambda x, a: x[0] - x[1],
    "Mul": lambda x, a: x[0] * x[1],
    "Div": lambda x, a: x[0] / x[1],
    "AddScalar": lambda x, a: x[0] + a["scalar"],
    "SubScalar": lambda x, a: x[0] - a["scalar"],
    "MulScalar": lambda x, a: x[0] * a["scalar"],
    "DivScalar": lambda x, a: x[0] / a["scalar"],
    "Neg": lambda x, a: -x[0],
    "Exp": lambda x, a: x[0].exp(),
    "Log": lambda x, a: x[0].log(),
    "ReLU": lambda x, a: x[0].relu(),
    "Sum": lambda x, a: x[0].sum(dims(x[0], a)),
    "SumKeepDim": lambda x, a: x[0].sum(dims(x[0], a), keepdim=True),
    "Mean": lambda x, a: x[0].mean(dims(x[0], a)),
    "MeanKeepDim": lambda x, a: x[0].mean(dims(x[0], a), keepdim=True),
    "Max": lambda x, a: x[0].amax(dims(x[0], a)),
    "MaxKeepDim": lambda x, a: x[0].amax(dims(x[0], a), keepdim=True),
    "Min": lambda x, a: x[0].amin(dims(x[0], a)),
    "MinKeepDim": lambda x, a: x[0].amin(dims(x[0], a), keepdim=True),
    "ArgMax": lambda x, a: x[0].argmax(a["dim"]),
    "ArgMin": lambda x, a: x[0].argmin(a["dim"]),
    "Gather": lambda x, a: x[0].gather(a["dim"], x[1]),
    "MatMul": lambda x, a: x[0] @ x[1],
    "Softmax": lambda x, a: x[0].softmax(a["dim"]),
    "LogSoftmax": lambda x, a: x[0].log_softmax(a["dim"]),
    "Reshape": lambda x, a: x[0].reshape(a["shape"]),
    "Flatten": lambda x, a: x[0].flatten(*a["dims"]),
    "Permute": lambda x, a: x[0].permute(a["dims"]),
    "Transpose": lambda x, a: x[0].transpose(*a["dims"]),
    "Squeeze": lambda x, a: x[0].squeeze(a["dim"]),
    "Unsqueeze": lambda x, a: x[0].unsqueeze(a["dim"]),
    "Expand": lambda x, a: x[0].expand(a["shape"]),
    "Narrow": lambda x, a: x[0].narrow(a["dim"], a["start"], a["length"]),
    "Select": lambda x, a: x[0].select(a["dim"], a["start"]),
    "Contiguous": lambda x, a: x[0].contiguous(),
    "Clone": lambda x, a: x[0].clone(),
    "To": lambda x, a: x[0].to(getattr(torch, a["dtype"])),
    "Eq": lambda x, a: x[0] == x[1],
    "Ne": lambda x, a: x[0] != x[1],
    "Lt": lambda x, a: x[0] < x[1],
    "Le": lambda x, a: x[0] <= x[1],
    "Gt": lambda x, a: x[0] > x[1],
    "Ge": lambda x, a: x[0] >= x[1],
}

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
    return values(rng, shape)


def f64(data):
    return torch.tensor(data, dtype=F64)


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

for op in ["Neg", "Exp", "ReLU", "Contiguous", "Clone"]:
    for shape in [(), (3,), (2, 3), (2, 1, 3), (0,), (2, 0)]:
        case(op, draw(*shape))
for shape in [(), (3,), (2, 3), (0, 2)]:
    case("Log", draw(*shape).abs())
SPECIAL = f64([0.0, -1.0, INF, -INF, NAN])
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
for op in ["Sum", "Mean", "Max", "Min"]:
    for keep in ["", "KeepDim"]:
        for shape, over in OVER:
            case(op + keep, draw(*shape), dims=list(over))
for op in ["Sum", "Mean"]:
    case(op, draw(0, 3), dims=[0], note="over nothing")
    case(op, draw(0), dims=[], note="over nothing")
case("Sum", torch.tensor([[True, False], [True, True]]), typed=True, dims=[1])
case("Sum", torch.tensor([200, 100, 7], dtype=U8), typed=True, dims=[])
case("Sum", torch.tensor([[2**62, -1], [-(2**61), 5]]), typed=True, dims=[0])
for op in ["Max", "Min"]:
    case(op, f64([[1.0, 3.0, 3.0], [1.0, 1.0, 1.0]]), dims=[1], smooth=False, note="ties")
    case(op, f64([[1.0, 3.0, 3.0], [1.0, 1.0, 1.0]]), dims=[], smooth=False, note="ties")
    case(op, f64([[1.0, NAN], [INF, -INF]]), dims=[1], smooth=False, note="special")
    case(op, torch.tensor([[3, -1], [2, 8]]), typed=True, dims=[0])
    case(op, torch.tensor([3, 255, 0], dtype=U8), typed=True, dims=[])
for op in ["ArgMax", "ArgMin"]:
    for shape, dim in [((4,), 0), ((2, 3), 0), ((2, 3), -1), ((2, 3, 2), 1), ((0, 3), 1)]:
        case(op, draw(*shape), dim=dim)
    case(op, f64([[1.0, NAN, NAN], [INF, -INF, 0.0]]), dim=1, note="special")
    case(op, torch.tensor([[3, 255, 0]], dtype=U8), typed=True, dim=1)
    case(op, torch.tensor([[3, -9], [7, 1]]), typed=True, dim=0)

case("Gather", draw(2, 3), torch.tensor([[2], [0]]), dim=1)
case("Gather", draw(2, 3), torch.tensor([[1, 1, 1, 0], [2, 0, 2, 2]]), dim=-1, note="twice")
case("Gather", draw(3, 2), torch.tensor([[2, 0]]), dim=0)
case("Gather", draw(4), torch.tensor([3, 3, 0]), dim=0)
case("Gather", draw(2, 3, 2), torch.tensor([[[0, 1], [1, 1]], [[0, 0], [1, 0]]]), dim=0)
case("Gather", draw(2, 3), torch.zeros(0, 2, dtype=I64), dim=1, note="nothing")
for dtype in [BOOL, U8, I64]:
    case("Gather", torch.tensor([[0, 1, 1], [1, 0, 1]], dtype=dtype), torch.tensor([[2, 0], [1, 1]]), typed=True, dim=1)

for m, k, n in [(2, 3, 4), (1, 1, 1), (3, 1, 2), (1, 5, 1), (4, 3, 1), (7, 9, 5), (0, 3, 2), (2, 3, 0), (2, 0, 3)]:
    case("MatMul", draw(m, k), draw(k, n))

for op in ["Softmax", "LogSoftmax"]:
    for shape, dim in [((3,), 0), ((2, 3), 1), ((2, 3), 0), ((2, 3, 2), -2), ((2, 1), 1), ((0, 3), 1)]:
        case(op, values(rng, shape, high=1.5), dim=dim)
    case(op, f64([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, 9999.0]]), dim=1, smooth=False, note="extreme")
    case(op, f64([[-INF, 0.0, 1.0], [2.0, -INF, -INF]]), dim=1, smooth=False, note="-Inf")
    case(op, f64([[INF, 0.0], [NAN, 1.0], [-INF, -INF]]), dim=1, smooth=False, note="NaN")

for shape, to in [((2, 3), (3, 2)), ((2, 3), (6,)), ((2, 3), (-1,)), ((2, 3, 2), (2, -1)), ((), (1, 1)), ((1,), ()), ((0, 3), (3, 0))]:
    case("Reshape", draw(*shape), shape=list(to))
for shape, over in [((2, 3, 2), (1, -1)), ((2, 3, 2), (0, 1)), ((2, 3), (0, -1)), ((2, 3), (1, 1)), ((), (0, -1)), ((2, 0, 3), (1, 2))]:
    case("Flatten", draw(*shape), dims=list(over))
for shape, order in [((2, 3, 2), (2, 0, 1)), ((2, 3, 2), (-1, 1, 0)), ((2, 3), (0, 1)), ((), ()), ((0, 3), (1, 0))]:
    case("Permute", draw(*shape), dims=list(order))
for shape, pair in [((2, 3), (0, 1)), ((2, 3, 2), (-1, 0)), ((2, 3), (1, 1)), ((0, 3), (0, 1))]:
    case("Transpose", draw(*shape), dims=list(pair))
for shape, dim in [((1, 3), 0), ((3, 1), -1), ((2, 3), 0), ((2, 1, 3), 1), ((1,), 0), ((1, 0), 0)]:
    case("Squeeze", draw(*shape), dim=dim)
for shape, dim in [((3,), 0), ((3,), 1), ((2, 3), -1), ((2, 3), -3), ((2, 3), 1), ((), 0), ((0,), 1)]:
    case("Unsqueeze", draw(*shape), dim=dim)
for shape, to in [((3,), (2, 3)), ((2, 1), (2, 3)), ((1, 3, 1), (2, 3, 2)), ((), (2, 2)), ((3,), (3,)), ((1, 3), (0, 3))]:
    case("Expand", draw(*shape), shape=list(to))
for shape, dim, start, length in [((4,), 0, 1, 2), ((2, 3), 1, 0, 2), ((2, 3), -1, 2, 1), ((2, 3), 0, 0, 2), ((2, 3), 1, 3, 0)]:
    case("Narrow", draw(*shape), dim=dim, start=start, length=length)
for shape, dim, index in [((4,), 0, 2), ((2, 3), 0, 1), ((2, 3), 1, -1), ((2, 3, 2), -2, 0)]:
    case("Select", draw(*shape), dim=dim, start=index)

TYPES = [BOOL, U8, I64, F32, F64]
for dtype in TYPES:
    name = str(dtype).removeprefix("torch.")
    case("To", f64([0.0, 1.0, 2.75, 200.0]), typed=True, dtype=name, smooth=name == "float64")
    case("To", torch.tensor([0.0, 0.1, 2.75, 200.0], dtype=F32), typed=True, dtype=name, smooth=False)
    case("To", torch.tensor([[True, False]]), typed=True, dtype=name)
    case("To", torch.tensor([0, 1, 255], dtype=U8), typed=True, dtype=name)
    case("To", torch.tensor([0, 1, 255, 2**24 + 1]), typed=True, dtype=name)
case("To", torch.tensor([-1, 256, 511, -300]), typed=True, dtype="uint8", note="low bits")
case("To", torch.tensor([-2.75, -0.5, 3e9]), typed=True, dtype="int64", smooth=False)
case("To", torch.tensor([NAN, -INF, -0.0]), typed=True, dtype="bool", smooth=False)
case("To", torch.tensor([NAN, INF, 1e300], dtype=F64), typed=True, dtype="float32", smooth=False)

for op in ["Eq", "Ne", "Lt", "Le", "Gt", "Ge"]:
    case(op, f64([1.0, 2.0, 3.0, NAN, INF, NAN]), f64([1.0, 3.0, 2.0, NAN, INF, 0.0]))
    case(op, f64([[1.0], [2.0]]), f64([1.0, 2.0, 3.0]))
    case(op, draw(), draw())
    case(op, draw(0, 2), draw(2))
    case(op, torch.tensor([True, False]), torch.tensor([True, True]), typed=True)

# Promotion: every pair of types, with and without dimensions. PyTorch keeps bool for two bools and refuses to subtract
# with one; here both are numbers.
SAMPLES = {BOOL: [1, 0, 1], U8: [3, 200, 7], I64: [-2, 300, 5], F32: [0.5, -1.25, 7.0], F64: [0.1, 2.5, -3.0]}
for a in TYPES:
    for b in TYPES:
        for scalar in ["", "x", "y", "xy"]:
            x, y = torch.tensor(SAMPLES[a], dtype=a), torch.tensor(SAMPLES[b], dtype=b)
            x, y = (x[0] if "x" in scalar else x), (y[0] if "y" in scalar else y)
            for op in ["Add", "Sub", "Mul", "Div", "Lt"]:
                if op in ("Add", "Mul") and a == b == BOOL or op == "Sub" and BOOL in (a, b):
                    continue
                if op not in ("Add", "Div") and scalar:
                    continue
                case(op, x, y, typed=True, smooth=False)

prints = []


def shown(t, name):
    """Adds a tensor and how it is printed: types without torch's name, booleans as Go writes them."""
    text = str(t).replace("dtype=torch.", "dtype=").replace("True", "true").replace("False", "false")
    prints.append({"name": name, "tensor": array(t), "requires_grad": t.requires_grad, "text": text})


shown(torch.tensor([1.0, 2.0, 3.0]), "whole floats")
shown(torch.tensor([0.5, -1.25, 3.0]), "decimals")
shown(torch.tensor([1.0, 2.5, 1000.0]), "range of 1000")
shown(torch.tensor([0.5, 2.5, 1000.0]), "scientific by range")
shown(torch.tensor([1.0, 1001.0]), "whole and scientific by range")
shown(torch.tensor([1e8, 2e8]), "1e8")
shown(torch.tensor([1e9, 2e9]), "scientific by size")
shown(torch.tensor([1e-5, 2e-5]), "scientific by smallness")
shown(torch.tensor([-1e-5, 1e5, 0.0]), "scientific, negative and zero")
shown(torch.tensor([[1e-10, NAN], [INF, -INF]]), "scientific and special")
shown(torch.tensor([1.0, NAN, INF, -INF]), "whole and special")
shown(torch.tensor([1.5, NAN, INF, -INF]), "decimals and special")
shown(torch.tensor([NAN, NAN]), "nan")
shown(torch.full((40,), NAN), "many nan")
shown(torch.full((40,), -INF), "many -inf")
shown(torch.tensor([INF] + [0.0] * 30), "inf and zeros")
shown(torch.tensor([-0.0, 0.0]), "negative zero")
shown(torch.zeros(5), "zeros")
shown(torch.zeros(40), "many zeros")
shown(torch.zeros(2, 40), "rows of zeros")
shown(torch.tensor(3.0), "0-dim float")
shown(torch.tensor(0.1), "0-dim decimal")
shown(torch.tensor(0.1, dtype=F64), "0-dim float64")
shown(torch.tensor(-7), "0-dim int64")
shown(torch.tensor(True), "0-dim bool")
shown(torch.tensor([1, -20, 300]), "int64")
shown(torch.tensor([2**63 - 1, -(2**63), 2**53 + 1]), "int64 beyond float64's digits")
shown(torch.tensor(2**53 + 1), "0-dim int64 beyond float64's digits")
shown(torch.tensor([1, 20, 255], dtype=U8), "uint8")
shown(torch.tensor([0.1, 0.25], dtype=F64), "float64")
shown(torch.tensor([[True, False], [False, True]]), "bool")
shown(torch.tensor([True, True]), "true")
shown(torch.zeros(0), "empty float32")
shown(torch.zeros(0, dtype=I64), "empty int64")
shown(torch.zeros(0, dtype=BOOL), "empty bool")
shown(torch.zeros(0, dtype=F64), "empty float64")
shown(torch.zeros(0, 3), "empty matrix")
shown(torch.zeros(2, 0, 3, dtype=U8), "empty uint8")
shown(draw(2, 3).float(), "matrix")
shown(draw(2, 2, 3).float(), "3 dimensions")
shown(draw(2, 1, 2, 2).float(), "4 dimensions")
shown(draw(3, 4).float().t(), "transposed")
shown(torch.arange(50), "broken lines")
shown(torch.arange(50) / 4, "broken lines of floats")
shown((torch.arange(60) / 4).reshape(2, 30), "broken lines of a matrix")
shown(draw(27), "broken lines of float64")
shown(draw(8), "suffix on a line of its own")
shown(torch.arange(1000), "1000 elements")
shown(torch.arange(1001), "1001 elements")
shown(torch.arange(1002) / 8, "1002 floats")
shown(torch.arange(1200).reshape(30, 40), "long matrix")
shown(torch.arange(1005).reshape(201, 5), "long in one dimension")
shown(torch.arange(1200).reshape(2, 600), "long in the other dimension")
shown((torch.arange(1024) / 2).reshape(8, 8, 16), "long in 3 dimensions")
shown(torch.cat([torch.ones(500), torch.full((1,), 1e6), torch.ones(500)]), "format from what is shown")
shown(torch.tensor([1.0, 2.0], requires_grad=True), "requires grad")
shown(torch.tensor([0.5, 2.0], dtype=F64, requires_grad=True), "float64 that requires grad")
shown((torch.arange(12) / 4 + 0.5).requires_grad_(), "suffix after a long line")

write(HERE / "reference.json", {"cases": cases, "prints": prints})
