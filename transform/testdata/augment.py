"""Writes augment.json: what torchvision and PIL make of images by the operations that augment.

Run with any Python that has torchvision (made with 0.14 on PIL 9.4): python3 transform/testdata/augment.py

Images are random, with a block in which all pixels are alike. Colours are also compared for
all 2^24 colours, and blends for all pairs of values, by the SHA-256 of the results.
"""

import hashlib
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "internal/reference"))

import numpy as np
import torch
from PIL import Image, ImageOps
from reference import array, write
from torchvision.transforms import InterpolationMode, TrivialAugmentWide, functional
from torchvision.transforms.autoaugment import _apply_op

rng = random.Random(0)
MODES = {"nearest": InterpolationMode.NEAREST, "bilinear": InterpolationMode.BILINEAR}


def image(height, width, colour):
    drawn = np.array([rng.randrange(256) for _ in range(height * width * 3)], np.uint8).reshape(height, width, 3)
    drawn[: height // 2, : width // 2] = rng.choices([0, 77, 255], k=3)
    return Image.fromarray(drawn if colour else drawn[:, :, 0])


IMAGES = {
    "grey": image(12, 10, False),
    "colour": image(9, 12, True),
    "dull": Image.fromarray(np.asarray(image(7, 8, True)) // 5 + 90),
    "small": image(2, 4, True),
    "large": image(40, 30, False),
}


def levels(img):
    return array(torch.tensor(np.array(img)))


adjusted, trivial, crops, boxes = [], [], [], []
for name, img in IMAGES.items():
    if name != "large":
        for op in ["brightness", "contrast", "saturation"]:
            for by in [0, 0.3, 0.8123, 1, 1.35, 2.5]:
                out = getattr(functional, "adjust_" + op)(img, by)
                adjusted.append({"op": op, "image": name, "by": by, "output": levels(out)})
        for by in [-0.5, -0.21, 0, 0.003, 0.1, 0.5]:
            adjusted.append({"op": "hue", "image": name, "by": by, "output": levels(functional.adjust_hue(img, by))})

space = TrivialAugmentWide()._augmentation_space(31)
operations = []
for at, (op, (amounts, signed)) in enumerate(space.items()):
    values = [float(a) for a in amounts] if amounts.ndim > 0 else []
    operations.append({"name": op, "amounts": values, "signed": signed})
    for name, img in IMAGES.items():
        for mode, interpolation in MODES.items():
            if mode == "bilinear" and op not in ["ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"]:
                continue
            if name == "small" and op != "Sharpness" or name == "large" and at < 10:
                continue
            for bin, sign in [(1, 1), (8, -1), (17, 1), (30, -1)] if values else [(0, 1)]:
                by = values[bin] * (sign if signed else 1) if values else 0.0
                if mode == "bilinear" and bin not in [8, 17]:
                    continue
                out = _apply_op(img, op, by, interpolation, [60] * len(img.getbands()))
                trivial.append({"op": op, "image": name, "by": by, "interpolation": mode, "output": levels(out)})

for name in ["grey", "colour"]:
    img = IMAGES[name]
    for mode, interpolation in MODES.items():
        for top, left, height, width, size in [(0, 0, 9, 10, (9, 10)), (2, 3, 4, 6, (7, 5)), (1, 0, 8, 10, (3, 4)), (4, 5, 1, 1, (2, 2))]:
            out = functional.resized_crop(img, top, left, height, width, size, interpolation)
            crops.append({"image": name, "interpolation": mode, "part": [top, left, height, width], "output": levels(out)})

for name, img in IMAGES.items():
    for height, width in [(8, 8), (5, 17), (31, 6), (1, 9), img.size[::-1]]:
        out = ImageOps.pad(img, (width, height), Image.BILINEAR, tuple([33] * len(img.getbands())) if img.mode == "RGB" else 33)
        boxes.append({"image": name, "output": levels(out)})

# Colour n of all has red n>>16, green n>>8&255 and blue n&255.
n = np.arange(1 << 24, dtype=np.uint32)
every = Image.fromarray(np.stack([n >> 16, n >> 8 & 255, n & 255], -1).astype(np.uint8).reshape(4096, 4096, 3))
pairs = [Image.fromarray(np.arange(1 << 16, dtype=np.uint32).reshape(256, 256).__rshift__(by).astype(np.uint8)) for by in [8, 0]]


def digest(img):
    return hashlib.sha256(np.asarray(img).tobytes()).hexdigest()


digests = [{"op": "hue", "by": by, "sha256": digest(functional.adjust_hue(every, by))} for by in [0, -0.37, 0.123]]
digests += [{"op": "hsv", "by": 0, "sha256": digest(every.convert("HSV"))}]
digests += [{"op": "saturation", "by": by, "sha256": digest(functional.adjust_saturation(every, by))} for by in [0.41, 1.7]]
digests += [{"op": "blend", "by": by, "sha256": digest(Image.blend(*pairs, by))} for by in [0.1, 0.3333, 0.99, 1.01, 1.99]]

write(
    HERE / "augment.json",
    {
        "images": [{"name": name, "pixels": levels(img)} for name, img in IMAGES.items()],
        "adjusted": adjusted,
        "operations": operations,
        "trivial": trivial,
        "crops": crops,
        "boxes": boxes,
        "digests": digests,
    },
)
