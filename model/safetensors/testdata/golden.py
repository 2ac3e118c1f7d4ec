"""Writes golden.safetensors beside this file, with nothing but the standard library.

It holds every type of element, a scalar, an empty tensor and metadata, in the order in
which the reference implementation places them.
"""

import json
import pathlib
import struct

tensors = [
    ("steps", "I64", [], struct.pack("<q", -9007199254740993)),
    ("mean", "F64", [3], struct.pack("<3d", 0.1, -1e300, float("inf"))),
    ("bias", "F32", [0, 4], b""),
    ("weight", "F32", [2, 3], struct.pack("<6f", 0.0, 0.5, -1.0, 1.5, 2.0, -2.5)),
    ("image", "U8", [1, 2, 2], bytes([0, 127, 128, 255])),
    ("mask", "BOOL", [3], bytes([1, 0, 1])),
]
header = {"__metadata__": {"architecture": "<784 & 10>", "klasse": "Schlüssel"}}
data = b""
for name, dtype, shape, raw in tensors:
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw

text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
text += b" " * (-len(text) % 8)
target = pathlib.Path(__file__).with_name("golden.safetensors")
target.write_bytes(struct.pack("<Q", len(text)) + text + data)
