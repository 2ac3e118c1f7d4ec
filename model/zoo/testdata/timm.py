"""Writes timm.txt: what timm calls the layers of MobileNetV3s, and torchvision's names of the same layers, a net behind the other.

Run with torchvision 0.14. timm's nets have their layers in the order of torchvision's: a stem, blocks in stages, the
convolution that is the last stage, and the head. Which blocks a stage has, and which of them have squeeze-and-excitation (s), is
what timm's definitions of mobilenetv3_small_100 and mobilenetv3_large_100 say.
"""
import os
import torchvision

STAGES = {
    "mobilenet_v3_small": ["s", "--", "sss", "ss", "sss"],
    "mobilenet_v3_large": ["-", "--", "sss", "----", "ss", "sss"],
}
out = []
for net, stages in STAGES.items():
    timm = ["conv_stem", "bn1"]
    for i, blocks in enumerate(stages):
        for j, kind in enumerate(blocks):
            gate = ["se.conv_reduce", "se.conv_expand"] if kind == "s" else []
            if i == 0:  # without an expansion
                layers = ["conv_dw", "bn1", *gate, "conv_pw", "bn2"]
            else:
                layers = ["conv_pw", "bn1", "conv_dw", "bn2", *gate, "conv_pwl", "bn3"]
            timm += [f"blocks.{i}.{j}.{layer}" for layer in layers]
    timm += [f"blocks.{len(stages)}.0.conv", f"blocks.{len(stages)}.0.bn1", "conv_head", "classifier"]
    ours = [n[: -len(".weight")] for n in getattr(torchvision.models, net)(weights=None).state_dict() if n.endswith(".weight")]
    assert len(timm) == len(ours)
    out += [net, *(f"{a} {b}" for a, b in zip(timm, ours))]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "timm.txt"), "w") as f:
    f.write("\n".join(out) + "\n")
