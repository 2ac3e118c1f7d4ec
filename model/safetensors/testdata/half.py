"""Writes half.safetensors beside this file: numbers as F32, as PyTorch rounds them to F16
and BF16, and those again as F32. The tensors are in the order in which the reference
implementation places them.
"""

import json
import pathlib
import struct

import torch

torch.manual_seed(0)
values = torch.cat([
    torch.randn(200),
    torch.randn(200) * torch.exp2(torch.randint(-24, 14, (200,)).float()),
    torch.tensor([0.0, -0.0, float("inf"), -float("inf"), 65504.0, -65519.0, 2.0**-24, 2.0**-25, 3 * 2.0**-25, 2.0**-14]),
    torch.tensor([1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-8, 1 + 3 * 2.0**-8]),  # in the middle
]).reshape(6, 69)


def raw(x):
    return x.view(torch.int16 if x.element_size() == 2 else torch.int32).numpy().tobytes()


tensors = []
for name, dtype in [("bf16", torch.bfloat16), ("f16", torch.float16)]:
    half = values.to(dtype)
    tensors.append((name.upper(), name, half))
    tensors.append(("F32", name + ".exact", half.float()))
tensors.append(("F32", "values", values))
tensors.sort(key=lambda t: (["F32", "BF16", "F16"].index(t[0]), t[1]))

header, data = {}, b""
for dtype, name, x in tensors:
    bytes_ = raw(x)
    header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(bytes_)]}
    data += bytes_
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
target = pathlib.Path(__file__).with_name("half.safetensors")
target.write_bytes(struct.pack("<Q", len(text)) + text + data)
