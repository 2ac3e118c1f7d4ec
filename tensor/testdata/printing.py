"""Writes printing.json: how PyTorch prints tensors.

Run with any Python that has torch (made with 1.13): python3 tensor/testdata/printing.py
"""

from cases import BOOL, F32, F64, HERE, I64, INF, NAN, U8, array, draw, rng, torch, write

prints = []

# The names that stand behind the elements are Go's: types without torch's name, true for True. Lines break by them.
add_suffixes = torch._tensor_str._add_suffixes
torch._tensor_str._add_suffixes = lambda text, suffixes, indent, force_newline: add_suffixes(
    text, [s.replace("torch.", "").replace("True", "true") for s in suffixes], indent, force_newline
)


def shown(t, name):
    """Adds a tensor and how it is printed, booleans as Go writes them."""
    text = str(t).replace("True", "true").replace("False", "false")
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
shown(torch.full((3,), -0.0), "negative zeros")
shown(torch.tensor([-0.0, 0.5]), "negative zero among decimals")
shown(torch.tensor([-0.0, 1e9]), "negative zero, scientific")
shown(torch.tensor([-0.4999, 0.00014]), "rounded")
shown(torch.tensor([1e-4, 0.05]), "1e-4")
shown(torch.tensor([9.99e-5, 0.05]), "just below 1e-4")
shown(torch.tensor([1e8 + 8, 2e8 + 0.0]), "just above 1e8")
shown(torch.tensor([1e-300, 1e300], dtype=F64), "exponents of three digits")
shown(torch.tensor([5e-324, 1.0], dtype=F64), "subnormal")
shown(torch.tensor(INF), "0-dim inf")
shown(torch.tensor(NAN, dtype=F64), "0-dim nan")
shown(torch.tensor(-1e-7), "0-dim scientific")
shown(torch.tensor(7, dtype=U8), "0-dim uint8")
shown(torch.tensor([[True] * 13] * 2), "broken lines of bool")
shown(torch.full((2, 3, 3), True), "3 dimensions of bool")
shown(torch.arange(256, dtype=U8), "broken lines of uint8")
shown(torch.arange(1100).remainder(256).to(U8).reshape(11, 100), "long uint8")
shown(torch.arange(1100).reshape(11, 100) % 3 == 0, "long bool")
shown(torch.arange(2**62, 2**62 + 9), "wide numbers in broken lines")
shown(torch.arange(16).reshape((2,) * 4) / 8, "4 dimensions of size 2")
shown(torch.zeros((1,) * 9), "9 dimensions")
shown(torch.ones((1,) * 78), "78 dimensions")
shown(torch.arange(1001, dtype=F64).reshape(7, 11, 13), "long in 3 dimensions, whole")
shown(torch.linspace(-1e5, 1e5, 1001)[None], "long and scientific")
shown(torch.arange(2**61, 2**61 + 1001), "the middle left out at the end of a line")
shown(torch.full((1001,), NAN), "long nan")
shown(torch.zeros(7, 0, 1000), "empty and long")
# Behind the elements: what just fits on their last line, and what does not by one column.
shown(torch.ones(1, 1, 18, dtype=U8), "uint8 fits")
shown(torch.ones(1, 19, dtype=U8), "uint8 does not fit")
shown(torch.zeros(14, dtype=F64), "float64 fits")
shown(-torch.ones(1, 11, dtype=F64), "float64 does not fit")
for zeros in range(4):
    shown(torch.zeros(0, *[1] * 14, 10**zeros, dtype=I64), f"two suffixes, 1 and {zeros} zeros")
    shown(torch.zeros(0, *[1] * 18, 10**zeros, dtype=F64, requires_grad=True), f"three suffixes, 1 and {zeros} zeros")

# Many more, of every type, shape and range, as they come.
for i in range(60):
    shape = rng.choice([(7,), (23,), (3, 9), (2, 14), (2, 3, 4), (2, 1, 2, 2)])
    n = torch.Size(shape).numel()
    scale = 10 ** rng.uniform(-6, 9)
    x = [rng.gauss(0, 1) * scale * 10 ** (rng.random() * (i % 5)) for _ in range(n)]
    if i % 3 == 1:
        x = [float(round(v)) for v in x]
    if i % 4 == 3:
        x = [rng.choice([v, v, v, NAN, INF, -INF, -0.0]) for v in x]
    shown(torch.tensor(x, dtype=[F32, F64][i % 2]).reshape(shape), f"any {i}")

write(HERE / "printing.json", {"prints": prints})
