"""Writes reference.json: the logits of torchvision's ResNet-18, whose weights and inputs are a
hash of their place, so that the file need not have them.

Run with any Python that has torchvision (made with 0.14):
python3 internal/checks/testdata/outside/resnet18/testdata/reference.py
"""

import json
from pathlib import Path

import numpy
import torch
import torchvision

torch.set_num_threads(1)


def hashed(salt, shape):
    """Numbers from -1 to below 1 that float32 has exactly: splitmix64 of salt and index."""
    n = int(numpy.prod(shape))
    with numpy.errstate(over="ignore"):
        z = (numpy.uint64(salt) << numpy.uint64(32)) + numpy.arange(1, n + 1, dtype=numpy.uint64)
        z = z * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
    return (z >> numpy.uint64(40)).astype(numpy.float64).reshape(shape) / (1 << 23) - 1


def tensor(x):
    return torch.from_numpy(x.astype(numpy.float32))


net = torchvision.models.resnet18()
for salt, (name, p) in enumerate(net.named_parameters()):
    x = hashed(salt, p.shape)
    if p.dim() > 1:  # uniform, of Kaiming's variance
        x = x * numpy.sqrt(6 / numpy.prod(p.shape[1:]))
    elif name.endswith("weight"):
        x = 1 + x / 4
    else:
        x = x / 4
    p.data = tensor(x)

# Running statistics are those of a few pictures, rounded to what is written.
for m in net.modules():
    if isinstance(m, torch.nn.BatchNorm2d):
        m.momentum = None
with torch.no_grad():
    net.train()(tensor(2 * hashed(1000, (8, 3, 96, 96))))
net.eval()
statistics = {}
for name, b in net.named_buffers():
    if not name.endswith("num_batches_tracked"):
        statistics[name] = [float(f"{v:.5g}") for v in b.tolist()]
        b.copy_(torch.tensor(statistics[name]))

logits = []
for salt, shape in [(2000, (2, 3, 64, 64)), (3000, (1, 3, 224, 224))]:
    with torch.no_grad():
        y = net(tensor(2 * hashed(salt, shape)))
    logits.append({"salt": salt, "shape": shape, "logits": [float(f"{v:.7g}") for v in y.flatten().tolist()]})
    print(shape, y.abs().max().item(), y.std().item(), y.argmax(1))

parameters = [{"name": n, "shape": list(p.shape)} for n, p in net.named_parameters()]
with open(Path(__file__).with_suffix(".json"), "w") as f:
    lists = [("parameters", parameters), ("statistics", [{"name": k, "values": v} for k, v in statistics.items()]), ("inputs", logits)]
    text = ["%s: [\n%s\n]" % (json.dumps(k), ",\n".join(json.dumps(v, separators=(",", ":")) for v in rows)) for k, rows in lists]
    f.write("{\n" + ",\n".join(text) + "\n}\n")
print(sum(p.numel() for p in net.parameters()), sum(len(v) for v in statistics.values()))
