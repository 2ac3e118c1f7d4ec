"""Writes the .pth files here, as torch.save does.

Run with any Python that has torch (made with 1.13): python3 model/torchfile/testdata/make.py
"""

import collections
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent

base = torch.arange(12.0).reshape(3, 4) / 4
state = collections.OrderedDict(
    float=base,
    double=torch.arange(3, dtype=torch.float64) / 3,
    half=torch.tensor([1.0, -0.5, 65504.0, 6e-8], dtype=torch.float16),
    bfloat=torch.tensor([1.0, -3.140625, 1e38], dtype=torch.bfloat16),
    long=torch.tensor([[-1, 2**40]]),
    byte=torch.tensor([0, 255], dtype=torch.uint8),
    bool=torch.tensor([True, False, True]),
    scalar=torch.tensor(7),
    empty=torch.zeros(0, 3),
    parameter=nn.Parameter(torch.tensor([0.5, 1.5])),
    fixed=nn.Parameter(torch.tensor([2.5]), requires_grad=False),
    shared=base[1],  # of float's elements
    again=base,
    transposed=base.t(),
    every=base[:, ::2],
    same=torch.tensor([3.0]).expand(2, 2),
)
torch.save(state, HERE / "zip.pth")
torch.save(state, HERE / "legacy.pth", _use_new_zipfile_serialization=False)

torch.manual_seed(0)
net = nn.Sequential(collections.OrderedDict(conv=nn.Conv2d(1, 2, 2), bn=nn.BatchNorm2d(2)))
with torch.no_grad():
    for i, p in enumerate(net.parameters()):
        p.copy_(torch.arange(p.numel()).reshape(p.shape) + 10.0 * i)
optimizer = torch.optim.SGD(net.parameters(), 0.125, momentum=0.5)
net(torch.ones(1, 1, 3, 3)).sum().backward()
optimizer.step()
net.load_state_dict({k: torch.arange(v.numel()).reshape(v.shape).to(v.dtype) for k, v in net.state_dict().items()})
for name, new in [("checkpoint.pth", True), ("checkpoint-legacy.pth", False)]:
    torch.save(
        {"epoch": 3, "best": 0.75, "args": None, "state_dict": net.state_dict(), "optimizer": optimizer.state_dict()},
        HERE / name,
        _use_new_zipfile_serialization=new,
    )
torch.save(net, HERE / "net.pth")  # the object itself, which is refused
torch.save({"weight": torch.ones(2, dtype=torch.int32)}, HERE / "int.pth")  # refused too
