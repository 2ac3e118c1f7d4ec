"""Writes weights_table.go and imagenet.txt: the weights that torchvision knows for the nets of the zoo, and their classes.

All is read from torchvision's own tables but for the sizes of files, which its tables have from 0.15 on. Run with any Python that
has torchvision (made with 0.14): python3 model/zoo/testdata/weights.py
"""

from pathlib import Path

from reference import NETS
from torchvision.models import get_model_weights
from torchvision.models._meta import _IMAGENET_CATEGORIES
from torchvision.transforms import InterpolationMode

# MiB by the digits of the SHA-256, from torchvision 0.15 ("_file_size").
MIB = {
    "7be5be79": 233.087, "8a719046": 506.84, "6002323d": 506.881, "19584684": 507.545, "abd245e5": 507.59, "397923af": 527.796,
    "6c64b313": 527.866, "dcbb9e9d": 548.051, "c79401a0": 548.143, "f37072fd": 44.661, "b627a593": 83.275, "0676ba61": 97.781,
    "11ad3fa6": 97.79, "63fe2227": 170.511, "cd907fc2": 170.53, "394f9c45": 230.434, "f82ba261": 230.474, "b0353104": 13.555,
    "7ebf99e0": 13.598, "047dcff4": 9.829, "8738ca79": 21.114, "5c1a4163": 21.107, "3dd342df": 20.451, "533bc792": 30.134,
    "c27df63c": 30.136, "bcdf34b7": 35.174, "cf984f9c": 47.184, "7eb33cd5": 74.489,
}  # fmt: skip

HERE = Path(__file__).resolve().parent
lines = []
for name in NETS:
    for w in get_model_weights(name):
        if w.meta["categories"] is None:  # features alone
            continue
        t = w.transforms()
        assert w.meta["categories"] == _IMAGENET_CATEGORIES and t.mean == [0.485, 0.456, 0.406] and t.std == [0.229, 0.224, 0.225]
        file = w.url.removeprefix("https://download.pytorch.org/models/")
        assert "/" not in file
        version = w.name.removeprefix("IMAGENET1K_").lower()
        mode = {InterpolationMode.BILINEAR: "Bilinear", InterpolationMode.BICUBIC: "Bicubic"}[t.interpolation]
        mib = MIB[file.removesuffix(".pth").rpartition("-")[2]]
        top1 = w.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        lines.append(f'\t{{"{name}", "{version}", "{file}", {mib}, {t.resize_size[0]}, {t.crop_size[0]}, transform.{mode}, {top1}}},')
(HERE.parent / "weights_table.go").write_text(
    "// Written by testdata/weights.py from torchvision's tables; do not edit.\n\npackage zoo\n\n"
    'import "github.com/onehot-go/onehot/transform"\n\n'
    "// weights is the table of weights.\nvar weights = []Weights{\n" + "\n".join(lines) + "\n}\n"
)
(HERE.parent / "imagenet.txt").write_text("\n".join(_IMAGENET_CATEGORIES) + "\n")
