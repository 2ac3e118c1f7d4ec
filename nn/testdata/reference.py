"""Writes reference.json: what PyTorch computes for layers and nets.

Run with any Python that has torch (made with 1.13): python3 nn/testdata/reference.py
"""

import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import torch
from reference import array, values, write
from torch import nn

torch.set_num_threads(1)
rng = random.Random(0)

NETS = {
    "Linear": ((3, 4), nn.Linear(4, 2)),
    "Linear of one sample": ((1, 2), nn.Linear(2, 3)),
    "Linear of no sample": ((0, 2), nn.Linear(2, 3)),
    "ReLU": ((2, 3), nn.ReLU()),
    "Flatten": ((2, 3, 2), nn.Flatten()),
    "MLP": (
        (3, 2, 4),
        nn.Sequential(nn.Flatten(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)),
    ),
}

nets = []
for name, (shape, net) in NETS.items():
    net = net.double()
    for p in net.parameters():
        p.data = values(rng, p.shape, high=1.5)
    x = values(rng, shape).requires_grad_()
    out = net(x)
    seed = values(rng, out.shape)
    out.backward(seed)
    nets.append(
        {
            "name": name,
            "state": {k: array(v) for k, v in net.state_dict().items()},
            "input": array(x),
            "output": array(out),
            "seed": array(seed),
            "input_grad": array(x.grad),
            "grads": {k: array(v.grad) for k, v in net.named_parameters()},
        }
    )

write(HERE / "reference.json", {"nets": nets})
