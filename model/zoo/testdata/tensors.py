"""Writes tensors.txt.gz: names and shapes of what torchvision's nets are made of, a line a tensor.

A net's lines follow one with its name and number of parameters. Run with any Python that has torch and torchvision (made with 1.13
and 0.14): python3 model/zoo/testdata/tensors.py
"""

import gzip
from pathlib import Path

import torchvision
from reference import NETS

lines = []
for name in NETS:
    net = getattr(torchvision.models, name)(weights=None)
    lines.append(f"{name} {sum(p.numel() for p in net.parameters())}")
    for key, value in net.state_dict().items():
        lines.append(" ".join([key, *map(str, value.shape)]))
with gzip.GzipFile(Path(__file__).with_name("tensors.txt.gz"), "wb", mtime=0) as f:
    f.write(("\n".join(lines) + "\n").encode())
