"""Writes zoo.json: what Pillow and torchvision make of the pictures of picture/testdata, 4 by 4 pixels each.

Run with any Python that has torchvision (made with 0.14 on PIL 9.4): python3 dataset/pixels/testdata/zoo.py

Where Pillow's convert("RGB") does something else than what is right, the picture is made RGB here: what is transparent
lies over white, and 16 bits are scaled to 8; Pillow drops opacity, and cuts off what is above 255. GIFs whose first
picture covers a part of the canvas are left out: Pillow fills the rest with the first colour of the table. So are EXIF
data that have fewer entries than they say: Pillow takes those that there are, and here none is trusted.
"""

import json
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torchvision.transforms import CenterCrop, Compose, Resize

HERE = Path(__file__).resolve().parent
PICTURES = HERE.parents[2] / "picture/testdata"
OTHER_CANVAS = {"animated.gif", "beyond.gif", "outside.gif"}
FEWER_ENTRIES = {"hostile-many-entries.jpg"}
BROKEN = {  # or of kinds that are refused
    "no-palette.png", "zeroed.jpg", "no-tables.jpg", "arithmetic.jpg", "sixteen.bmp", "cmyk.tiff", "float.tiff", "jpeg.tiff",
}

prepare = Compose([Resize(4), CenterCrop(4)])
rows = {}
for name in sorted(os.listdir(PICTURES)):
    if name in OTHER_CANVAS | FEWER_ENTRIES | BROKEN or not (PICTURES / name).is_file():
        continue
    try:
        image = Image.open(PICTURES / name)
        if name != "turned.tiff":  # Pillow 9.4 turns a TIFF when it is loaded
            image = ImageOps.exif_transpose(image)
        image.load()
    except Exception:
        continue
    if image.mode.startswith("I"):
        image = Image.fromarray((np.array(image) >> 8).astype(np.uint8))
    transparent = False
    if image.mode in ("RGBA", "LA") or "transparency" in image.info:
        image = image.convert("RGBA")
        transparent = bool((np.array(image)[:, :, 3] < 255).any())
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    pixels = np.array(prepare(image.convert("RGB"))).transpose(2, 0, 1)
    rows[name] = {"transparent": transparent, "width": image.width, "height": image.height, "pixels": pixels.flatten().tolist()}

with open(HERE / "zoo.json", "w") as f:
    f.write("{\n" + ",\n".join(f"{json.dumps(n)}: {json.dumps(r)}" for n, r in rows.items()) + "\n}\n")
