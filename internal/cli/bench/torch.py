"""Trains what onehot bench trains, in PyTorch and scikit-learn: an epoch for each line of input, whose seconds it prints.

usage: torch.py FOLDER NAME THREADS, where FOLDER has the training split as raw bytes: images.u8, labels.u8
All pictures are one float tensor, the fastest that is written with little effort.
With NAME product it prints which modules are missing and how fast numpy multiplies, in GFLOP/s, and ends.
"""

import importlib.util
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # Debian's OpenBLAS gets slower with two

if sys.argv[2] == "product":
    missing = [m for m in ("numpy", "torch", "sklearn") if importlib.util.find_spec(m) is None]
    best = 0.0
    if "numpy" not in missing:
        import numpy as np

        a = np.ones((768, 768), np.float32)
        end = time.perf_counter() + 0.3
        while time.perf_counter() < end:
            start = time.perf_counter()
            a @ a
            best = max(best, 2e-9 * 768**3 / (time.perf_counter() - start))
    print(json.dumps({"missing": missing, "gflops": best}))
    sys.exit()

import numpy as np

folder, name = Path(sys.argv[1]), sys.argv[2]
labels = np.fromfile(folder / "labels.u8", np.uint8)
pixels = np.fromfile(folder / "images.u8", np.uint8).reshape(len(labels), 1, 28, 28)

if name == "lbfgs":
    import warnings

    from sklearn.linear_model import LogisticRegression

    warnings.filterwarnings("ignore")
    x = (pixels.reshape(len(pixels), -1) / np.float32(255)).astype(np.float32)
    for _ in sys.stdin:
        start = time.time()
        LogisticRegression(max_iter=100).fit(x, labels)
        print(time.time() - start, flush=True)
    sys.exit()

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(int(sys.argv[3]))
images, labels = torch.tensor(pixels).float().div_(255), torch.tensor(labels).long()


def perceptron(*sizes):
    layers = [nn.Flatten()]
    for i, o in zip(sizes[:-2], sizes[1:-1]):
        layers += [nn.Linear(i, o), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(*sizes[-2:]))
    for m in net:
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, std=0.01)
            nn.init.zeros_(m.bias)
    return net


net = {
    "softmax": lambda: perceptron(784, 10),
    "mlp": lambda: perceptron(784, 256, 10),
    "lenet": lambda: nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10)),
}[name]()
criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=0.1)
for _ in sys.stdin:
    start = time.time()
    order = torch.randperm(len(labels))
    loss, right = 0.0, 0
    for i in range(0, len(order), 256):
        j = order[i:i + 256]
        x, y = images[j], labels[j]
        logits = net(x)
        value = criterion(logits, y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        loss += value.item() * len(y)
        right += (logits.argmax(1) == y).sum().item()
    print(time.time() - start, flush=True)
