"""Writes moving.json: what PyTorch computes for every operation that makes or moves elements and computes nothing.

Run with any Python that has torch (made with 1.13): python3 tensor/testdata/moving.py
"""

from cases import BOOL, F32, F64, I64, INF, NAN, OPS, TYPES, U8, case, draw, f64, rng, save, torch


def squeeze(x, dims):
    """All of PyTorch 2's squeeze, which takes several dimensions, in what 1.13 has."""
    if not dims:
        return x.squeeze()
    for d in sorted((d % max(x.dim(), 1) for d in dims), reverse=True):
        x = x.squeeze(d)
    return x


def sliced(x, a):
    """x[start:end:step] along a dimension."""
    return x[(slice(None),) * (a["dim"] % x.dim()) + (slice(a["start"], a["end"], a["step"]),)]


def dtype(a):
    return getattr(torch, a["dtype"])


OPS.update({
    "View": lambda x, a: x[0].view(a["shape"]),
    "Reshape": lambda x, a: x[0].reshape(a["shape"]),
    "Flatten": lambda x, a: x[0].flatten(*a["dims"]),
    "Permute": lambda x, a: x[0].permute(a["dims"]),
    "Transpose": lambda x, a: x[0].transpose(*a["dims"]),
    "Squeeze": lambda x, a: squeeze(x[0], a["dims"]),
    "Unsqueeze": lambda x, a: x[0].unsqueeze(a["dim"]),
    "Flip": lambda x, a: x[0].flip(a["dims"] or tuple(range(x[0].dim()))),
    "Expand": lambda x, a: x[0].expand(a["shape"]),
    "Narrow": lambda x, a: x[0].narrow(a["dim"], a["start"], a["length"]),
    "Slice": lambda x, a: sliced(x[0], a),
    "Select": lambda x, a: x[0].select(a["dim"], a["start"]),
    "Contiguous": lambda x, a: x[0].contiguous(),
    "Clone": lambda x, a: x[0].clone(),
    "CopyInPlace": lambda x, a: x[0].detach().copy_(x[1].detach()),
    "FillInPlace": lambda x, a: x[0].detach().fill_(a["scalar"]),
    "To": lambda x, a: x[0].to(dtype(a)),
    "Cat": lambda x, a: torch.cat(x, a["dim"]),
    "Stack": lambda x, a: torch.stack(x, a["dim"]),
    "Split": lambda x, a: x[0].split(a["length"], a["dim"])[a["start"]],
    "Gather": lambda x, a: x[0].gather(a["dim"], x[1]),
    "ScatterAdd": lambda x, a: x[0].scatter_add(a["dim"], x[1], x[2]),
    "IndexSelect": lambda x, a: x[0].index_select(a["dim"], x[1]),
    "MaskedSelect": lambda x, a: x[0].masked_select(x[1]),
    "Where": lambda x, a: torch.where(x[0], x[1], x[2]),
    "Pick": lambda x, a: x[0][range(len(x[1])), x[1]],
    "OneHot": lambda x, a: torch.nn.functional.one_hot(x[0], a["length"]),
    "Sort": lambda x, a: x[0].sort(dim=a["dim"], descending=a["descending"], stable=True).values,
    "Sort/indices": lambda x, a: x[0].sort(dim=a["dim"], descending=a["descending"], stable=True).indices,
    "ArgSort": lambda x, a: x[0].argsort(dim=a["dim"], descending=a["descending"]),
    "TopK": lambda x, a: x[0].topk(a["length"], a["dim"], a["descending"]).values,
    "TopK/indices": lambda x, a: x[0].topk(a["length"], a["dim"], a["descending"]).indices,
    "Arange": lambda x, a: torch.arange(*a["numbers"], dtype=dtype(a)),
    "Linspace": lambda x, a: torch.linspace(*a["numbers"], a["length"], dtype=dtype(a)),
    "Eye": lambda x, a: torch.eye(*a["shape"], dtype=dtype(a)),
})


def name(dtype):
    return str(dtype).removeprefix("torch.")


def i64(data):
    return torch.tensor(data, dtype=I64)


def sample(dtype, *shape):
    """Elements of the type: many equal ones, so that order among them shows."""
    n = torch.Size(shape).numel()
    return torch.tensor([rng.randrange(4) for _ in range(n)]).reshape(shape).to(dtype)


def places(n, *shape):
    """Indices below n, some of them more than once."""
    return i64([rng.randrange(n) for _ in range(torch.Size(shape).numel())]).reshape(shape)


for op in ["Contiguous", "Clone"]:
    for shape in [(), (3,), (2, 3), (2, 1, 3), (0,), (2, 0)]:
        case(op, draw(*shape))

# In every layout View has to work: one size-1 dimension more or less at either end.
for shape, to in [
    ((2, 3), (2, 3)),
    ((2, 3), (1, 2, 3)),
    ((2, 3), (2, 1, -1)),
    ((2, 3), (2, 3, 1)),
    ((), (1, 1)),
    ((1,), ()),
    ((0, 3), (3, 0)),
]:
    case("View", draw(*shape), shape=list(to))
for shape, to in [
    ((2, 3), (3, 2)),
    ((2, 3), (6,)),
    ((2, 3), (-1,)),
    ((2, 3, 2), (2, -1)),
    ((2, 3, 4), (3, 4, 2)),
    ((2, 1, 3), (1, 6, 1)),
    ((), (1, 1)),
    ((), (-1,)),
    ((1,), ()),
    ((0, 3), (3, 0)),
    ((0, 3), (-1,)),
    ((0, 3), (2, 0)),
    ((2, 0), (-1, 4)),
]:
    case("Reshape", draw(*shape), shape=list(to))
for shape, over in [
    ((2, 3, 2), (1, -1)),
    ((2, 3, 2), (0, 1)),
    ((2, 3), (0, -1)),
    ((2, 3), (1, 1)),
    ((4,), (0, -1)),
    ((2, 0, 3), (1, 2)),
]:
    case("Flatten", draw(*shape), dims=list(over))
for over in [(0, 0), (0, -1), (-1, 0)]:
    case("Flatten", draw(), dims=list(over))
for shape, order in [
    ((2, 3, 2), (2, 0, 1)),
    ((2, 3, 2), (-1, 1, 0)),
    ((2, 3), (0, 1)),
    ((), ()),
    ((0, 3), (1, 0)),
    ((4,), (-1,)),
]:
    case("Permute", draw(*shape), dims=list(order))
for shape, pair in [
    ((2, 3), (0, 1)),
    ((2, 3, 2), (-1, 0)),
    ((2, 3), (1, 1)),
    ((0, 3), (0, 1)),
    ((), (0, -1)),
    ((), (0, 0)),
    ((4,), (-1, 0)),
]:
    case("Transpose", draw(*shape), dims=list(pair))
for shape, dims in [
    ((1, 3), (0,)),
    ((3, 1), (-1,)),
    ((2, 3), (0,)),
    ((2, 1, 3), (1,)),
    ((1,), (0,)),
    ((1, 0), (0,)),
    ((), (0,)),
    ((), (-1,)),
]:
    case("Squeeze", draw(*shape), dims=list(dims))
for shape, dims in [
    ((1, 3, 1), ()),
    ((1, 1), ()),
    ((2, 3), ()),
    ((), ()),
    ((1, 0, 1), ()),
    ((1, 3, 1), (0, 2)),
    ((1, 3, 1), (-1, 1)),
    ((1, 1, 2, 1), (3, 0)),
]:
    case("Squeeze", draw(*shape), dims=list(dims))
for shape, dim in [((3,), 0), ((3,), 1), ((2, 3), -1), ((2, 3), -3), ((2, 3), 1), ((), 0), ((), -1), ((0,), 1)]:
    case("Unsqueeze", draw(*shape), dim=dim)
for shape, to in [
    ((3,), (2, 3)),
    ((2, 1), (2, 3)),
    ((1, 3, 1), (2, 3, 2)),
    ((), (2, 2)),
    ((), ()),
    ((3,), (3,)),
    ((1, 3), (0, 3)),
    ((1,), (0,)),
    ((2, 1), (-1, 3)),
    ((2, 1), (4, -1, -1)),
    ((0, 1), (2, -1, 3)),
]:
    case("Expand", draw(*shape), shape=list(to))
for shape, dim, start, length in [
    ((4,), 0, 1, 2),
    ((2, 3), 1, 0, 2),
    ((2, 3), -1, 2, 1),
    ((2, 3), 0, 0, 2),
    ((2, 3), 1, 3, 0),
    ((2, 3), 1, -2, 2),
    ((2, 3), 1, -3, 3),
    ((2, 0), 1, 0, 0),
    ((0, 3), 1, 1, 1),
]:
    case("Narrow", draw(*shape), dim=dim, start=start, length=length)
END = 2**63 - 1
for shape, dim, start, end, step in [
    ((6,), 0, 1, 4, 1),
    ((6,), 0, 0, END, 2),
    ((6,), 0, 1, END, 3),
    ((6,), 0, -3, -1, 1),
    ((6,), 0, -100, 100, 4),
    ((6,), 0, 4, 2, 1),
    ((6,), 0, 7, 9, 1),
    ((6,), 0, 2, 6, 100),
    ((2, 5), 1, 1, 4, 2),
    ((2, 5), -1, -4, END, 3),
    ((3, 2), 0, 0, 3, 2),
    ((2, 0), 1, 0, END, 2),
    ((0, 3), -1, 1, 2, 1),
    ((2, 3, 4), 1, -1, END, 1),
]:
    case("Slice", draw(*shape), dim=dim, start=start, end=end, step=step)
for shape, dim, index in [
    ((4,), 0, 2),
    ((2, 3), 0, 1),
    ((2, 3), 1, -1),
    ((2, 3, 2), -2, 0),
    ((2, 0), 0, 1),
    ((1, 3), 0, -1),
]:
    case("Select", draw(*shape), dim=dim, start=index)

# Conversion, every pair of types. What C leaves undefined is not among the samples: NaN or a value out of range to an
# integer, a fraction below 0 to an unsigned one.
SAMPLES = {
    BOOL: [[0, 1]],
    U8: [[0, 1, 2, 127, 128, 255]],
    I64: [[0, 1, -1, 255, 256, 511, -300, 2**24 + 1, -(2**24) - 3, 2**53 + 1, 2**62 + 1, 2**63 - 1, -(2**63)]],
    F32: [
        [0.0, -0.0, 0.1, 1.0, 1.9375, 2.5, 254.9375, 255.0],
        [-0.5, -1.0, -2.75, 3e9, -3e9, 2.0**53, -(2.0**63), 1e-45, 3.4e38, NAN, INF, -INF],
    ],
    F64: [
        [0.0, -0.0, 0.1, 1.0, 1.9375, 2.5, 254.9375, 255.0],
        [-0.5, -1.0, -2.75, 3e9, -3e9, 2.0**53 + 2, -(2.0**63), 2.0**63 - 1024, 5e-324, 1e-40, 1e300, 2.0**24 + 1],
        [NAN, INF, -INF],
    ],
}
RANGES = {U8: (-0.25, 256), I64: (-(2.0**63) - 1, 2.0**63)}
for a in TYPES:
    for b in TYPES:
        for data in SAMPLES[a]:
            t = torch.tensor(data, dtype=a)
            if a.is_floating_point and b in RANGES:
                t = t[(t > RANGES[b][0]) & (t < RANGES[b][1])]
            for x in [t, *t[:1]]:
                case("To", x, typed=True, dtype=name(b), smooth=False)
case("To", draw(2, 3), typed=True, dtype="float64")
case("To", torch.zeros(2, 0), typed=True, dtype="int64")

for dim, shapes in [
    (0, [(2,), (3,)]),
    (0, [(4,)]),
    (0, [(2, 3), (1, 3), (3, 3)]),
    (1, [(2, 3), (2, 1)]),
    (-1, [(2, 1, 2), (2, 1, 3)]),
    (-2, [(2, 1, 2), (2, 3, 2)]),
    (0, [(0, 3), (2, 3)]),
    (1, [(0, 3), (0, 2)]),
    (1, [(2, 0), (2, 0)]),
    (1, [(0,), (2, 3), (0,), (2, 1)]),
    (0, [(0,), (0,)]),
]:
    case("Cat", *[draw(*s) for s in shapes], dim=dim)
for dim, shapes in [
    (0, [(3,), (3,)]),
    (1, [(3,), (3,)]),
    (-1, [(2, 3), (2, 3)]),
    (-3, [(2, 3)]),
    (0, [(), (), ()]),
    (-1, [(), ()]),
    (1, [(0,), (0,)]),
    (2, [(2, 0), (2, 0)]),
]:
    case("Stack", *[draw(*s) for s in shapes], dim=dim)
for a in TYPES:
    for b in TYPES:
        case("Cat", sample(a, 2), sample(b, 3), typed=True, smooth=False, dim=0)
        case("Stack", sample(a), sample(b), typed=True, smooth=False, dim=0)
case("Cat", torch.zeros(0), i64([[1, 2]]), typed=True, smooth=False, dim=0)
for shape, size, dim, part in [
    ((5,), 2, 0, 0),
    ((5,), 2, 0, 2),
    ((5,), 9, 0, 0),
    ((4, 3), 2, 0, 1),
    ((2, 6), 3, -1, 1),
    ((2, 3, 2), 1, 1, 2),
    ((0, 2), 3, 0, 0),
    ((0, 2), 0, 0, 0),
    ((0, 2), 1, 1, 1),
]:
    case("Split", draw(*shape), length=size, dim=dim, start=part)

case("Gather", draw(2, 3), i64([[2], [0]]), dim=1)
case("Gather", draw(2, 3), i64([[1, 1, 1, 0], [2, 0, 2, 2]]), dim=-1, note="twice")
case("Gather", draw(3, 2), i64([[2, 0]]), dim=0)
case("Gather", draw(4), i64([3, 3, 0]), dim=0)
case("Gather", draw(2, 3, 2), i64([[[0, 1], [1, 1]], [[0, 0], [1, 0]]]), dim=0)
case("Gather", draw(2, 3), torch.zeros(0, 2, dtype=I64), dim=1, note="nothing")
case("Gather", draw(2, 0), torch.zeros(1, 0, dtype=I64), dim=0)
for dim in [0, -1]:
    case("Gather", draw(), i64(0), dim=dim)
for t in [BOOL, U8, I64]:
    case("Gather", torch.tensor([[0, 1, 1], [1, 0, 1]], dtype=t), i64([[2, 0], [1, 1]]), typed=True, dim=1)

for shape, dim, index in [
    ((4,), 0, i64([1, 1, 3])),
    ((2, 3), 0, i64([[0, 0, 1], [0, 1, 1]])),
    ((2, 3), 1, i64([[0, 0, 2, 0], [1, 2, 2, 0]])),
    ((2, 3), -1, i64([[2, 1]])),
    ((2, 3, 2), 1, places(3, 2, 4, 2)),
    ((), 0, i64(0)),
    ((), -1, i64(0)),
    ((2, 3), 0, torch.zeros(0, 3, dtype=I64)),
    ((2, 0), 0, torch.zeros(3, 0, dtype=I64)),
]:
    case("ScatterAdd", draw(*shape), index, draw(*index.shape), dim=dim)
for t in [U8, I64]:
    case("ScatterAdd", sample(t, 2, 3) * 60, i64([[1, 1, 0]]), sample(t, 2, 4) * 70, typed=True, dim=0)

for shape, dim, index in [
    ((4,), 0, [3, 1, 1]),
    ((4,), -1, []),
    ((4,), 0, 2),
    ((3, 2), 0, [2, 0, 2, 2]),
    ((2, 3), 1, [2, 0]),
    ((2, 3, 2), -2, [1, 1, 0, 2]),
    ((2, 0), 0, [1, 0, 1]),
    ((2, 0), 1, []),
    ((0, 3), 1, [2, 2]),
    ((), 0, [0]),
    ((), -1, 0),
]:
    case("IndexSelect", draw(*shape), i64(index), dim=dim)
for t in [BOOL, U8, I64]:
    case("IndexSelect", sample(t, 2, 3), i64([1, 1, 2]), typed=True, dim=1)

for shape, mask in [
    ((3,), [True, False, True]),
    ((2, 3), [[True, False, True], [False, False, True]]),
    ((2, 3), [False, True, True]),
    ((2, 3), [[True], [False]]),
    ((3,), [[True, True, False], [True, False, False]]),
    ((2, 1), [[True, True, False]]),
    ((), [True, False, True]),
    ((), True),
    ((), False),
    ((2, 2), True),
    ((2, 2), False),
    ((0, 3), [True, False, True]),
]:
    case("MaskedSelect", draw(*shape), torch.tensor(mask))
for t in [BOOL, U8, I64]:
    case("MaskedSelect", sample(t, 2, 3), torch.tensor([[True, False, True], [False, True, True]]), typed=True)

for cond, a, b in [
    ([True, False, True], (3,), (3,)),
    ([[True, False, True], [False, False, True]], (2, 3), (2, 3)),
    ([[True], [False]], (3,), (2, 1)),
    ([True, False], (), (2,)),
    ([True, False], (2,), ()),
    ([True, False], (), ()),
    (True, (2, 1), (1, 3)),
    (False, (), ()),
    ([[True, False]], (3, 1), (2, 1, 1)),
    ([], (1,), (0,)),
    ([True], (0, 1), (2,)),
]:
    case("Where", torch.tensor(cond, dtype=BOOL), draw(*a), draw(*b))
case("Where", torch.tensor([True, False]), f64([1.0, NAN]), f64([INF, 2.0]), smooth=False, note="beside NaN")
for a in TYPES:
    for b in TYPES:
        for scalar in ["", "x", "y"]:
            x, y = sample(a, 3), sample(b, 3)
            x, y = (x[0] if "x" in scalar else x), (y[0] if "y" in scalar else y)
            case("Where", torch.tensor([True, False, True]), x, y, typed=True, smooth=False)

for labels, classes in [
    (i64([2, 0, 1, 2]), 3),
    (i64([[0, 3]]), 5),
    (i64(1), 2),
    (i64([0, 0]), 1),
    (torch.zeros(0, dtype=I64), 3),
    (torch.zeros(2, 0, dtype=I64), 4),
]:
    case("OneHot", labels, length=classes)

ORDERED = [((4,), 0), ((2, 3), 0), ((2, 3), -1), ((2, 5, 2), 1), ((3, 1), 1)]
ORDERED += [((0, 3), 0), ((0, 3), 1), ((2, 0), -1), ((), 0), ((), -1)]
SPECIAL = f64([NAN, 1.0, -0.0, 0.0, INF, NAN, -INF, -1.0])
for descending in [False, True]:
    for shape, dim in ORDERED:
        x = draw(*shape)
        for op in ["Sort", "Sort/indices", "ArgSort"]:
            case(op, x, dim=dim, descending=descending)
    for op in ["Sort", "Sort/indices"]:
        case(op, SPECIAL, dim=0, descending=descending, smooth=False, note="special")
        case(op, f64([[1, 0, 1, 0, 1], [2, 2, 2, 2, 2]]), dim=1, descending=descending, smooth=False, note="ties")
        for t in TYPES:
            case(op, sample(t, 2, 9), typed=True, dim=1, descending=descending, smooth=False)
        case(op, i64([2**53 + 1, 2**53, 2**53 + 2, -(2**63), 2**63 - 1]), typed=True, dim=0, descending=descending)
# Without equal elements among the first: which of them PyTorch takes is not defined.
for largest in [False, True]:
    for op in ["TopK", "TopK/indices"]:
        for shape, dim, k in [
            ((5,), 0, 3),
            ((5,), -1, 5),
            ((5,), 0, 0),
            ((2, 4), 1, 1),
            ((4, 2), 0, 2),
            ((2, 5, 2), 1, 3),
            ((0, 3), 1, 2),
            ((), 0, 1),
            ((), -1, 1),
        ]:
            case(op, draw(*shape), length=k, dim=dim, descending=largest)
        x = f64([NAN, 1.0, 0.0, INF, -INF, -1.0])
        case(op, x, length=4, dim=0, descending=largest, smooth=False, note="special")
        case(op, torch.tensor([3, 200, 7, 0], dtype=U8), typed=True, length=2, dim=0, descending=largest)
        case(op, i64([[3, -7, 2**53 + 1, 2**53]]), typed=True, length=3, dim=-1, descending=largest)

for t in [U8, I64, F32, F64]:
    for numbers in [[0, 5, 1], [3, 3, 1], [2, 9, 3], [1, 10, 3], [9, 1, -4], [3, 3, -1], [0.5, 3.7, 1.5]]:
        case("Arange", typed=True, numbers=numbers, dtype=name(t))
    for numbers, steps in [
        ([0, 10], 5),
        ([1, 4], 1),
        ([4, 1], 0),
        ([10, 0], 3),
        ([3, 3], 2),
        ([0.75, 10.5], 4),
        ([0, 1], 6),
    ]:
        case("Linspace", typed=True, numbers=numbers, length=steps, dtype=name(t))
for t in [I64, F32, F64]:
    case("Arange", typed=True, numbers=[0, 2.5, 1], dtype=name(t))
    case("Arange", typed=True, numbers=[-2.5, 2.75, 1.25], dtype=name(t))
    case("Linspace", typed=True, numbers=[-3.75, 4.9], length=6, dtype=name(t))
case("Arange", typed=True, numbers=[250, 260, 1], dtype="uint8", note="wraps")
case("Arange", typed=True, numbers=[0.1, 1, 0.1], dtype="float64")
case("Linspace", typed=True, numbers=[0.1, 0.7], length=7, dtype="float64")
for t in TYPES:
    for shape in [(2, 2), (2, 3), (3, 2), (0, 2), (1, 0)]:
        case("Eye", typed=True, shape=list(shape), dtype=name(t))

for shape, other in [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 3), ()), ((), ()), ((0, 3), (3,))]:
    case("CopyInPlace", draw(*shape), draw(*other))
for a in TYPES:
    for b in TYPES:
        case("CopyInPlace", sample(a, 2, 3), sample(b, 3), typed=True)
    case("FillInPlace", sample(a, 2, 3), typed=True, scalar=3)
for shape in [(2, 3), (), (0, 3)]:
    case("FillInPlace", draw(*shape), scalar=-0.1)

for shape, dims in [
    ((4,), (0,)),
    ((2, 3), (1,)),
    ((2, 3), (-2,)),
    ((2, 3), ()),
    ((2, 3, 4), (2, 0)),
    ((2, 1, 3), (1, -1)),
    ((0, 3), (1,)),
    ((2, 0), ()),
    ((), ()),
    ((), (0,)),
]:
    case("Flip", draw(*shape), dims=list(dims))
for dtype in TYPES:
    case("Flip", sample(dtype, 2, 3), typed=True, smooth=False, dims=[1])

for shape, labels in [((3, 4), [0, 3, 3]), ((2, 1), [0, 0]), ((1, 3), [2])]:
    case("Pick", draw(*shape), i64(labels))
case("Pick", draw(0, 3), torch.zeros(0, dtype=I64), note="nothing")
for dtype in TYPES:
    case("Pick", sample(dtype, 2, 3), i64([2, 0]), typed=True, smooth=False)

save("moving.json")
