"""Writes training.json: what PyTorch makes of the named nets in a few steps of training.

Run with any Python that has torch (made with 1.13): python3 model/testdata/training.py
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from reference import array, write
from torch import nn

torch.set_num_threads(1)


def numbers(salt, shape):
    """Numbers in [-0.5, 0.5) that any program can make: they depend on their place and on salt alone."""
    i = torch.arange(torch.Size(shape).numel(), dtype=torch.int64)
    return (((i + 1) * 2654435761 + salt * 40503) % 2**32).double().div(2**32).sub(0.5).reshape(shape)


class Residual(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(x) + x


def named(**layers):
    net = nn.Sequential()
    for name, layer in layers.items():
        net.add_module(name, layer)
    return net


def stages(inputs, *channels):
    layers = {}
    for i, n in enumerate(channels, 1):
        layers |= {f"conv{i}": nn.Conv2d(inputs, n, 3, padding=1), f"bn{i}": nn.BatchNorm2d(n)}
        layers |= {f"relu{i}": nn.ReLU(), f"pool{i}": nn.MaxPool2d(2)}
        inputs = n
    return layers


def block(n):
    def convolution(i):
        return {f"conv{i}": nn.Conv2d(n, n, 3, padding=1, bias=False), f"bn{i}": nn.BatchNorm2d(n)}

    return Residual(named(**convolution(1), relu=nn.ReLU(), **convolution(2)))


NETS = {
    "lenet": ([1, 14, 12], named(
        conv1=nn.Conv2d(1, 6, 5, padding=2), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(6, 16, 5), relu2=nn.ReLU(), pool2=nn.MaxPool2d(2), flatten=nn.Flatten(),
        linear1=nn.Linear(16, 120), relu3=nn.ReLU(), linear2=nn.Linear(120, 84), relu4=nn.ReLU(), linear3=nn.Linear(84, 3),
    )),
    "cnn": ([1, 9, 8], named(
        **stages(1, 32, 64), flatten=nn.Flatten(), linear1=nn.Linear(256, 128), relu3=nn.ReLU(), linear2=nn.Linear(128, 3),
    )),
    "resnet": ([3, 9, 8], named(
        **stages(3, 16, 32), block1=block(32), relu3=nn.ReLU(), flatten=nn.Flatten(),
        linear1=nn.Linear(128, 128), relu4=nn.ReLU(), linear2=nn.Linear(128, 3),
    )),
}

nets = []
for name, (shape, net) in NETS.items():
    net = net.double()
    for salt, (path, p) in enumerate(net.named_parameters()):
        v = numbers(salt, p.shape)
        if p.dim() > 1:
            p.data = v * (4 / p[0].numel() ** 0.5)
        else:  # about 1 for weights of batch norms, 0 for biases
            p.data = v * 0.5 + path.endswith("weight")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.5)
    labels = torch.arange(8) % 3
    losses = []
    for step in range(3):
        x = numbers(1000 + step, [8, *shape]) + 0.5
        loss = nn.functional.cross_entropy(net(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    state = {}
    for path, v in net.state_dict().items():
        v = v.double()
        state[path] = {"norm": v.norm().item(), "product": (v * numbers(7, v.shape)).sum().item()}
    net.eval()
    nets.append({
        "name": name,
        "shape": shape,
        "losses": losses,
        "state": state,
        "logits": array(net(numbers(2000, [2, *shape]) + 0.5)),
    })

write(HERE / "training.json", {"nets": nets})
