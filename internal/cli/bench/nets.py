"""Runs a net in PyTorch: a turn for each line of input, of which it prints the milliseconds of processor time and of the
clock for a picture.

usage: nets.py NAME BATCH THREADS SIZES, where NAME is a net of torchvision's, mlp, lenet, cnn or resnet, and SIZES are those of a
picture: 3,224,224
"""

import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # Debian's OpenBLAS gets slower with two

import torch
from torch import nn

name, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sizes = [int(n) for n in sys.argv[4].split(",")]
turn = 0.2  # seconds that a turn takes at least
torch.set_num_threads(threads)


class Residual(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(n, n, 3, padding=1, bias=False), nn.BatchNorm2d(n), nn.ReLU(), nn.Conv2d(n, n, 3, padding=1, bias=False), nn.BatchNorm2d(n))

    def forward(self, x):
        return torch.relu(x + self.body(x))


def stage(i, o):
    return [nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)]


small = {
    "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)),
    "lenet": lambda: nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    "cnn": lambda: nn.Sequential(*stage(1, 32), *stage(32, 64), nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10)),
    "resnet": lambda: nn.Sequential(
        *stage(1, 16), *stage(16, 32), Residual(32), nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 10)),
}
if name in small:
    net = small[name]()
else:
    import torchvision

    net = getattr(torchvision.models, name)(weights=None)
net.eval()
x = torch.randn(batch, *sizes)
with torch.no_grad():
    net(x)
    for _ in sys.stdin:
        runs, used, start = 0, time.process_time(), time.perf_counter()
        while time.perf_counter() - start < turn:
            net(x)
            runs += 1
        cpu, wall = time.process_time() - used, time.perf_counter() - start
        print(1e3 * cpu / runs / batch, 1e3 * wall / runs / batch, flush=True)
