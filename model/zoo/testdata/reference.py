"""Writes reference.json: what torchvision's nets make of two pictures each.

Weights are drawn by a generator that the test has too, so that none are stored: element i of a tensor is a hash of its name and i.
The running statistics of batch norms are those of one batch, which both sides compute. Run with any Python that has torch and
torchvision (made with 1.13 and 0.14): python3 model/zoo/testdata/reference.py
"""

import json
from pathlib import Path

import numpy as np
import torch
import torchvision

CLASSES = 16
# The size of pictures: small, so that tests take little time, and odd for windows of pools that overlap.
NETS = {
    "alexnet": 127, "vgg11": 72, "vgg11_bn": 64, "vgg13": 64, "vgg13_bn": 72, "vgg16": 64, "vgg16_bn": 64, "vgg19": 96, "vgg19_bn": 64,
    "resnet18": 112, "resnet34": 80, "resnet50": 128, "resnet101": 112, "resnet152": 112,
    "mobilenet_v2": 112, "mobilenet_v3_small": 112, "mobilenet_v3_large": 80,
    "efficientnet_b0": 112, "efficientnet_b1": 96, "efficientnet_b2": 112, "efficientnet_b3": 112, "efficientnet_b4": 112,
}  # fmt: skip


def mixed(x):
    """The last step of SplitMix64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def drawn(name, shape, low, high):
    """Numbers of float32 in [low, high), hashed from a name and their places."""
    h = 0xCBF29CE484222325
    for b in name.encode():  # FNV-1a
        h = (h ^ b) * 0x100000001B3 % 2**64
    i = np.arange(1, np.prod(shape, dtype=np.int64) + 1, dtype=np.uint64)
    u = (mixed(np.uint64(h) + i * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)).astype(np.float64) / 2**24
    return torch.from_numpy((low + (high - low) * u).astype(np.float32)).reshape(shape)


def fill(net):
    """Draws all parameters."""
    norms = {n for n, m in net.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    with torch.no_grad():
        for name, p in net.named_parameters():
            module, kind = name.rpartition(".")[::2]
            if name.endswith("bn3.weight"):  # the last of a bottleneck: small, as training leaves it, or fifty would make much of rounding
                low, high = 0.05, 0.15
            elif module in norms:
                low, high = (0.25, 0.75) if kind == "weight" else (-0.5, 0.5)
            elif kind == "bias":
                low, high = -0.25, 0.25
            else:  # variances stay about the same
                bound = (6.0 / p[0].numel()) ** 0.5
                low, high = -bound, bound
            p.copy_(drawn(name, p.shape, low, high))


def calibrate(net, x):
    """Gives the batch norms the statistics of x, without dropout."""
    net.eval()
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.train()
            m.momentum = None
    with torch.no_grad():
        net(x)


if __name__ == "__main__":
    rows = []
    for name, size in NETS.items():
        net = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES)
        fill(net)
        net = net.double()
        calibrate(net, drawn("batch", (4, 3, size, size), -2, 2).double())
        net.eval()
        with torch.no_grad():
            logits = net(drawn("pictures", (2, 3, size, size), -2, 2).double())
        logits = [[float(f"{v:.7g}") for v in row] for row in logits.tolist()]
        rows.append(json.dumps({"net": name, "size": size, "logits": logits}))
        print(name, size, logits[0][:4], flush=True)
    Path(__file__).with_name("reference.json").write_text("[\n" + ",\n".join(rows) + "\n]\n")
