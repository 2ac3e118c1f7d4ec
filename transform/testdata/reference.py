"""Writes reference.json and hashes.json: what torchvision makes of images.

Run with any Python that has torchvision (made with 0.14 on PIL 9.4): python3 transform/testdata/reference.py

Images are random, with a block in which all pixels are alike. Those that are turned or
sheared have an even side, and shears a scale: so no pixel comes from a place that is a
whole number but for the last bit of a sine, which libraries may compute differently, and
which PIL, cutting off fractions, makes a whole level of.
"""

import hashlib
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import numpy as np
import torch
from PIL import Image
from reference import array, write
from torchvision.transforms import InterpolationMode, functional
from torchvision.transforms import CenterCrop, Pad, Resize, ToTensor

rng = random.Random(0)
MODES = {"nearest": InterpolationMode.NEAREST, "bilinear": InterpolationMode.BILINEAR}


def image(height, width, colour):
    drawn = np.array([rng.randrange(256) for _ in range(height * width * 3)], np.uint8).reshape(height, width, 3)
    drawn[: height // 2, : width // 2] = rng.choices([0, 77, 255], k=3)
    return Image.fromarray(drawn if colour else drawn[:, :, 0])


IMAGES = {
    "grey": image(11, 6, False),
    "square": image(8, 8, False),
    "colour": image(5, 8, True),
    "large": image(40, 31, False),
    "row": image(1, 6, False),
    "pixel": image(1, 1, True),
}

cases = []


def case(op, name, output, **args):
    if not isinstance(output, torch.Tensor):
        output = torch.tensor(np.array(output))
    cases.append({"op": op, "image": name, "args": args, "output": array(output)})


for name, img in IMAGES.items():
    width, height = img.size
    case("to tensor", name, ToTensor()(img))
    mean, std = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]) if img.mode == "RGB" else ([0.2860], [0.3530])
    case("normalize", name, functional.normalize(ToTensor()(img), mean, std), mean=mean, std=std)
    case("grayscale", name, functional.to_grayscale(img))
    case("invert", name, functional.invert(img))
    case("flip", name, functional.hflip(img))
    for mode, interpolation in MODES.items():
        for h, w in [(height, width), (1, 1), (3, 2), (28, 28), (height, 2 * width), (height // 2 + 1, width), (17, 3)]:
            if h * w < 400 or name == "large":
                case("resize", name, Resize((h, w), interpolation)(img), height=h, width=w, interpolation=mode)
        for size in [1, 4, 10]:
            case("resize edge", name, Resize(size, interpolation)(img), size=size, interpolation=mode)
    for h, w in [(1, 1), (4, 4), (5, 2), (8, 12), (height, width)]:
        case("center crop", name, CenterCrop((h, w))(img), height=h, width=w)
    for padding, fill in [((0, 0, 0, 0), 9), ((1, 2, 3, 4), 0), ((2, 0, 0, 1), 200)]:
        case("pad", name, Pad(padding, fill)(img), padding=padding, fill=fill)
    if name == "large":
        continue
    for mode, interpolation in MODES.items():
        for degrees, fill in [(0, 0), (90, 0), (180, 0), (-90, 0), (360, 1), (30.25, 0), (-12.5, 128), (777.7, 255), (360000090, 7)]:
            out = functional.rotate(img, degrees, interpolation, fill=fill)
            case("rotate", name, out, degrees=degrees, interpolation=mode, fill=fill)
        for degrees, translate, scale, shear, fill in [
            (0, (0, 0), 1.0, (0, 0), 0),
            (0, (2, -1), 1.0, (0, 0), 50),
            (0, (0, 0), 0.7, (0, 0), 0),
            (0, (1, 1), 1.9, (0, 0), 255),
            (25.5, (0, 0), 1.0, (0, 0), 0),
            (0, (0, 0), 1.1, (12.5, 0), 0),
            (0, (0, 0), 0.9, (0, -21.5), 0),
            (-100.25, (-1, 2), 1.3, (8.5, 14.25), 99),
        ]:
            out = functional.affine(img, degrees, translate, scale, shear, interpolation, fill)
            args = dict(degrees=degrees, translate=translate, scale=scale, shear=shear)
            case("affine", name, out, **args, interpolation=mode, fill=fill)

# Bicubic, of the images above; and the hashes of what becomes of larger ones, which tests make again.
for name, img in IMAGES.items():
    width, height = img.size
    for h, w in [(height, width), (1, 1), (3, 2), (28, 28), (height // 2 + 1, width), (17, 3)]:
        if h * w < 400 or name == "large":
            case("resize", name, Resize((h, w), InterpolationMode.BICUBIC)(img), height=h, width=w, interpolation="bicubic")
    case("resize edge", name, Resize(4, InterpolationMode.BICUBIC)(img), size=4, interpolation="bicubic")

hashes = []
for height, width, colour in [(300, 451, True), (97, 211, False)]:
    i = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3)
    pixels = ((i * np.uint32(2654435761)) >> np.uint32(24)).astype(np.uint8)
    pixels[height // 3 :, : width // 2] &= 0x80
    img = Image.fromarray(pixels if colour else np.ascontiguousarray(pixels[:, :, 0]))
    for mode, interpolation in [("bilinear", InterpolationMode.BILINEAR), ("bicubic", InterpolationMode.BICUBIC)]:
        for size in [7, 64, 232, 256, 320, 500]:
            digest = hashlib.sha256(Resize(size, interpolation)(img).tobytes()).hexdigest()
            hashes.append({"height": height, "width": width, "colour": colour, "interpolation": mode, "size": size, "sha256": digest})

write(
    HERE / "reference.json",
    {
        "images": [{"name": name, "pixels": array(torch.tensor(np.array(img)))} for name, img in IMAGES.items()],
        "cases": cases,
    },
)
write(HERE / "hashes.json", {"hashes": hashes})
