"""Writes planes/: photographs as JPEGs, and what torchvision's Resize makes of them.

Run with any Python that has torchvision (made with 0.14 on PIL 9.4): python3 transform/testdata/planes.py

A photograph is noise at several scales and a disc of strong colour, so that it has what scaling is hard on: colours that
change within a pixel of colour, and a sharp edge.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.transforms import InterpolationMode, Resize

HERE = Path(__file__).resolve().parent / "planes"
WIDTH, HEIGHT = 97, 71  # odd: the last colours are those of a single row and column


def photograph(rng):
    picture = np.full((HEIGHT, WIDTH, 3), 128.0)
    for size, amplitude in (3, 70), (9, 35), (24, 15):
        noise = rng.normal(size=(size, size + 1, 3)) * amplitude
        for c in range(3):
            picture[:, :, c] += np.array(Image.fromarray(noise[:, :, c].astype(np.float32)).resize((WIDTH, HEIGHT), Image.BICUBIC))
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    picture[(x - 60) ** 2 + (y - 30) ** 2 < 300] = rng.permutation([240, 20, 60])
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


rng = np.random.default_rng(0)
for name, subsampling in ("444", 0), ("422", 1), ("420", 2):
    file = HERE / f"{name}.jpg"
    photograph(rng).save(file, quality=90, subsampling=subsampling)
    for size in 24, 50, 71, 100:
        Resize(size)(Image.open(file)).save(HERE / f"{name}-{size}.png", optimize=True)
    Resize(50, InterpolationMode.BICUBIC)(Image.open(file)).save(HERE / f"{name}-bicubic-50.png", optimize=True)
