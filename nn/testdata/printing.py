"""Writes printing.txt: how PyTorch prints modules, each behind a line of ---.

Run with any Python that has torch and torchvision (made with 1.13 and 0.14): python3 nn/testdata/printing.py
"""

import collections
import pathlib

from torch import nn
from torchvision.ops.stochastic_depth import StochasticDepth

modules = [
    nn.Linear(784, 10),
    nn.Linear(3, 2, bias=False),
    nn.Conv2d(1, 6, 5),
    nn.Conv2d(4, 8, (3, 1), stride=2, padding=(1, 0), dilation=(2, 1), groups=4, bias=False),
    nn.BatchNorm1d(8),
    nn.BatchNorm1d(8, eps=0.001, momentum=1.0),
    nn.BatchNorm2d(6),
    nn.BatchNorm2d(6, momentum=None, affine=False),
    nn.LayerNorm(10),
    nn.LayerNorm((3, 4), eps=1e-6),
    nn.GroupNorm(2, 6),
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, stride=2, padding=1),
    nn.MaxPool2d((3, 2)),
    nn.AvgPool2d(2, stride=1),
    nn.AdaptiveAvgPool2d(1),
    nn.AdaptiveAvgPool2d((2, 3)),
    nn.ZeroPad2d(1),
    nn.ZeroPad2d((0, 1, 2, 3)),
    nn.Flatten(),
    nn.Flatten(2, 3),
    nn.Dropout(0.5),
    nn.Dropout(0.0),
    nn.Dropout2d(0.1),
    nn.Softmax(dim=1),
    nn.LogSoftmax(dim=-1),
    nn.Identity(),
    nn.ReLU(),
    nn.LeakyReLU(),
    nn.LeakyReLU(0.25),
    nn.GELU(),
    nn.Sigmoid(),
    nn.Tanh(),
    nn.SiLU(),
    nn.ReLU6(),
    nn.Hardsigmoid(),
    nn.Hardswish(),
    nn.Sequential(),
    nn.Sequential(collections.OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(784, 10))),
    StochasticDepth(0.2, "row"),
    nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Sequential(), nn.Linear(3, 1)),
]
text = "".join(f"---\n{m}\n" for m in modules)
pathlib.Path(__file__).with_name("printing.txt").write_text(text)
