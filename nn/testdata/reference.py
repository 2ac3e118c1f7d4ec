"""Writes reference.json: what PyTorch computes for layers, nets and initialisations.

Run with any Python that has torch and torchvision (made with 1.13 and 0.14): python3 nn/testdata/reference.py
"""

import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from reference import array, values, write
from torch import nn
from torchvision.ops.misc import SqueezeExcitation
from torchvision.ops.stochastic_depth import StochasticDepth

torch.set_num_threads(1)
rng = random.Random(0)


class PHM(nn.Module):
    """Parameterised hypercomplex multiplication, by torch.kron."""

    def __init__(self, n, inputs, outputs):
        super().__init__()
        self.A = nn.Parameter(torch.zeros(n, n, n))
        self.S = nn.Parameter(torch.zeros(n, outputs // n, inputs // n))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        weight = sum(torch.kron(a, s) for a, s in zip(self.A, self.S))
        return nn.functional.linear(x, weight, self.bias)


class Residual(nn.Module):
    """What the body makes of the input, and what the shortcut does."""

    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body = body
        if shortcut is not None:
            self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


class Gate(nn.Module):
    """torchvision's squeeze-and-excitation under the name of a gate's body, or any body."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(x) if isinstance(self.body, SqueezeExcitation) else x * self.body(x)


class Hardsigmoid(nn.Module):
    """torch.nn.Hardsigmoid, whose gradient has a sixth of float32 in any type."""

    def forward(self, x):
        return nn.functional.relu6(x + 3) / 6


def block(inputs, outputs, stride):
    """The body of a residual block."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


NETS = {
    "Linear": ((3, 4), nn.Linear(4, 2)),
    "Linear of one sample": ((1, 2), nn.Linear(2, 3)),
    "Linear of no sample": ((0, 2), nn.Linear(2, 3)),
    "Linear of a vector": ((4,), nn.Linear(4, 2)),
    "Linear of sequences": ((2, 3, 4), nn.Linear(4, 2)),
    "Linear of no sequence": ((0, 3, 2), nn.Linear(2, 3)),
    "Linear without bias": ((3, 4), nn.Linear(4, 2, bias=False)),
    "Identity": ((2, 3), nn.Identity()),
    "ReLU": ((2, 3), nn.ReLU()),
    "LeakyReLU": ((2, 3), nn.LeakyReLU()),
    "LeakyReLU of 0.25": ((2, 3), nn.LeakyReLU(0.25)),
    "GELU": ((2, 3), nn.GELU()),
    "Sigmoid": ((2, 3), nn.Sigmoid()),
    "Tanh": ((2, 3), nn.Tanh()),
    "Softmax": ((2, 3), nn.Softmax(1)),
    "Softmax of pictures": ((2, 3, 2), nn.Softmax(1)),
    "Softmax along 0": ((2, 3), nn.Softmax(0)),
    "Softmax along -1": ((2, 2, 3), nn.Softmax(-1)),
    "LogSoftmax": ((2, 3), nn.LogSoftmax(1)),
    "LogSoftmax along 0": ((2, 3), nn.LogSoftmax(0)),
    "LogSoftmax along -1": ((2, 2, 3), nn.LogSoftmax(-1)),
    "Flatten": ((2, 3, 2), nn.Flatten()),
    "Flatten 0 to 1": ((2, 3, 2), nn.Flatten(0, 1)),
    "Flatten -2 to -1": ((2, 1, 3, 2), nn.Flatten(-2, -1)),
    "Flatten 0 to -1": ((2, 3), nn.Flatten(0, -1)),
    "Flatten of a vector": ((3,), nn.Flatten(0, 0)),
    "Dropout in evaluation": ((2, 3), nn.Dropout(0.5).eval()),
    "Dropout of nothing": ((2, 3), nn.Dropout(0.0)),
    "Dropout of all": ((2, 3), nn.Dropout(1.0)),
    "PHM of 1": ((3, 4), PHM(1, 4, 2)),
    "PHM of 2": ((3, 4), PHM(2, 4, 6)),
    "PHM of 4": ((2, 8), PHM(4, 8, 4)),
    "PHM of sequences": ((2, 2, 3), PHM(3, 3, 3)),
    "Conv2d": ((2, 2, 4, 5), nn.Conv2d(2, 3, 3)),
    "Conv2d without bias": ((1, 2, 5, 6), nn.Conv2d(2, 4, (3, 2), (2, 1), (1, 0), (1, 2), 2, bias=False)),
    "MaxPool2d": ((2, 2, 4, 5), nn.MaxPool2d(2)),
    "MaxPool2d of 3": ((1, 2, 5, 5), nn.MaxPool2d(3, 2, 1)),
    "AvgPool2d": ((1, 2, 4, 5), nn.AvgPool2d(2)),
    "AvgPool2d of 3": ((1, 2, 5, 5), nn.AvgPool2d(3, 2, 1)),
    "AdaptiveAvgPool2d": ((2, 2, 3, 5), nn.AdaptiveAvgPool2d(1)),
    "AdaptiveAvgPool2d to 2×3": ((2, 1, 3, 5), nn.AdaptiveAvgPool2d((2, 3))),
    "BatchNorm1d": ((5, 3), nn.BatchNorm1d(3)),
    "BatchNorm1d of sequences": ((3, 2, 4), nn.BatchNorm1d(2)),
    "BatchNorm1d in evaluation": ((3, 2), nn.BatchNorm1d(2).eval()),
    "BatchNorm2d": ((3, 2, 2, 3), nn.BatchNorm2d(2)),
    "BatchNorm2d in evaluation": ((1, 2, 2, 3), nn.BatchNorm2d(2).eval()),
    "BatchNorm2d without parameters": ((3, 2, 2, 2), nn.BatchNorm2d(2, affine=False)),
    "BatchNorm2d without statistics": ((3, 2, 2, 2), nn.BatchNorm2d(2, track_running_stats=False).eval()),
    "Dropout2d in evaluation": ((1, 2, 2, 2), nn.Dropout2d(0.5).eval()),
    "Dropout2d of nothing": ((1, 2, 2, 2), nn.Dropout2d(0.0)),
    "Dropout2d of all": ((1, 2, 2, 2), nn.Dropout2d(1.0)),
    "Residual": ((2, 2, 3, 3), Residual(block(2, 2, 1))),
    "Residual with a shortcut": (
        (2, 2, 4, 4),
        Residual(block(2, 3, 2), nn.Sequential(nn.Conv2d(2, 3, 1, 2, bias=False), nn.BatchNorm2d(3))),
    ),
    "Convolutional": (
        (2, 1, 6, 6),
        nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(2, 3, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3, 2),
        ),
    ),
    "MLP": (
        (3, 2, 4),
        nn.Sequential(nn.Flatten(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)),
    ),
    "LayerNorm": ((4, 5), nn.LayerNorm(5)),
    "LayerNorm of two dimensions": ((2, 2, 3, 4), nn.LayerNorm((3, 4), eps=0.01)),
    "GroupNorm": ((2, 6, 2, 3), nn.GroupNorm(3, 6)),
    "GroupNorm of rows": ((3, 4), nn.GroupNorm(2, 4, eps=0.01)),
    "SiLU": ((2, 3), nn.SiLU()),
    "ReLU6": ((4, 5), nn.Sequential(nn.LayerNorm(5), nn.ReLU6())),
    "Hardsigmoid": ((4, 5), nn.Sequential(nn.LayerNorm(5), Hardsigmoid())),
    "Hardswish": ((4, 5), nn.Sequential(nn.LayerNorm(5), nn.Hardswish())),
    "AdaptiveAvgPool2d to more": ((2, 2, 2, 3), nn.AdaptiveAvgPool2d((3, 7))),
    "Conv2d depthwise": ((1, 3, 5, 5), nn.Conv2d(3, 3, 3, 2, 1, groups=3, bias=False)),
    "Conv2d depthwise to more": ((1, 2, 4, 5), nn.Conv2d(2, 6, 3, 1, 2, groups=2)),
    "BatchNorm2d with eps": ((2, 2, 3, 3), nn.BatchNorm2d(2, eps=0.001, momentum=0.01)),
    "Gate": ((2, 4, 3, 2), Gate(SqueezeExcitation(4, 2, nn.SiLU))),
    "Gate of elements": ((3, 4), Gate(nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()))),
    "StochasticDepth in evaluation": ((3, 2, 2), StochasticDepth(0.5, "row").eval()),
    "StochasticDepth of nothing": ((3, 2, 2), StochasticDepth(0.0, "row")),
    "StochasticDepth of all": ((3, 2, 2), StochasticDepth(1.0, "row")),
    "ZeroPad2d": ((2, 2, 2, 3), nn.ZeroPad2d((1, 2, 3, 0))),
    "ZeroPad2d of nothing": ((2, 2, 3), nn.ZeroPad2d(0)),
    "ZeroPad2d before a stride": ((1, 2, 4, 4), nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(2, 2, 3, 2, groups=2))),
}

nets = []
for name, (shape, net) in NETS.items():
    net = net.double()
    for p in net.parameters():
        p.data = values(rng, p.shape, high=1.5)
    for b in net.buffers():
        if b.is_floating_point():
            b.data = values(rng, b.shape, high=1.5).abs()
    state = {k: array(v) for k, v in net.state_dict().items()}
    x = values(rng, shape, high=1.5).requires_grad_()
    out = net(x)
    seed = values(rng, out.shape)
    out.backward(seed)
    nets.append(
        {
            "name": name,
            "state": state,
            "after": {k: array(v) for k, v in net.named_buffers()},
            "input": array(x),
            "output": array(out),
            "seed": array(seed),
            "input_grad": array(x.grad),
            "grads": {k: array(v.grad) for k, v in net.named_parameters()},
        }
    )

gains = [
    {"nonlinearity": name, "slope": slope or 0, "gain": nn.init.calculate_gain(name, slope)}
    for name, slope in [
        ("linear", None),
        ("sigmoid", None),
        ("tanh", None),
        ("relu", None),
        ("leaky_relu", None),
        ("leaky_relu", 0.25),
        ("leaky_relu", -1.5),
    ]
]

# What torch.nn.init would draw: uniform within ± the number, or normal with it as deviation.
drawn = []
nn.init._no_grad_uniform_ = lambda w, low, high: drawn.append(high) if low == -high else 1 / 0
nn.init._no_grad_normal_ = lambda w, mean, std: drawn.append(std) if mean == 0 else 1 / 0
torch.Tensor.uniform_ = lambda w, low, high: nn.init._no_grad_uniform_(w, low, high)
torch.Tensor.normal_ = lambda w, mean, std: nn.init._no_grad_normal_(w, mean, std)

inits = []
for shape in [(3, 5), (4, 1), (16, 8, 3), (6, 3, 5, 5), (2, 3, 2, 3, 4)]:
    w = torch.zeros(shape, dtype=torch.float64)
    for init in [nn.init.xavier_uniform_, nn.init.xavier_normal_]:
        for gain in [1, 5 / 3]:
            init(w, gain=gain)
            inits.append({"init": init.__name__, "shape": shape, "gain": gain, "drawn": drawn[-1]})
    for init in [nn.init.kaiming_uniform_, nn.init.kaiming_normal_]:
        for mode in ["fan_in", "fan_out"]:
            for nonlinearity, slope in [("relu", 0), ("leaky_relu", 0.25), ("linear", 0)]:
                init(w, a=slope, mode=mode, nonlinearity=nonlinearity)
                gain = nn.init.calculate_gain(nonlinearity, slope)
                inits.append({"init": init.__name__, "shape": shape, "mode": mode, "gain": gain, "drawn": drawn[-1]})

write(HERE / "reference.json", {"nets": nets, "gains": gains, "inits": inits})
