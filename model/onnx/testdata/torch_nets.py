"""What PyTorch exports of small nets, in the forms that nets of its users have.
usage: torch_nets.py
Writes torch/NAME.onnx and torch/answers.json: inputs and logits of each. It runs with Debian's python3-torch and python3-torchvision."""
import json, os, torch, torchvision
from torch import nn
from torch.nn import functional as F

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch")


class Forward(nn.Module):
    """A net whose forward is a function of its layers and the input."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.f = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.f(self, x)


def norms(net):
    for m in net.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.running_mean.uniform_(-0.3, 0.3)
            m.running_var.uniform_(0.5, 1.5)
            m.weight.data.uniform_(0.5, 1.5)
            m.bias.data.uniform_(-0.5, 0.5)
    return net


conv = lambda i, o, k=3, **more: nn.Conv2d(i, o, k, padding=k // 2, **more)
relu, gelu = F.relu, F.gelu
V2, V3 = torchvision.models.mobilenetv2.InvertedResidual, torchvision.models.mobilenetv3.InvertedResidual
cnf = torchvision.models.mobilenetv3.InvertedResidualConfig
bn = nn.BatchNorm2d
picture, row = (3, 8, 8), (6,)
NETS = {  # input, opset, whether the batch is symbolic, whether constants are folded and norms are part of convolutions, net
    "mlp": (row, 13, True, True, nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.2), nn.Linear(5, 4, bias=False), nn.LeakyReLU(0.3), nn.Linear(4, 3))),
    "softmax": (row, 9, True, True, nn.Sequential(nn.Linear(6, 3), nn.Softmax(dim=1))),
    "sigmoid": (row, 17, True, True, nn.Sequential(nn.Linear(6, 3), nn.Sigmoid())),
    "view": (picture, 13, True, True, Forward(lambda n, x: n.l(relu(n.c(x)).view(x.size(0), -1)), c=conv(3, 4), l=nn.Linear(256, 3))),
    "reshape": (picture, 11, False, True, Forward(lambda n, x: n.l(F.max_pool2d(n.c(x), 2).reshape(-1, 64)), c=conv(3, 4), l=nn.Linear(64, 3))),
    "fixed": (picture, 12, False, True, Forward(lambda n, x: n.l(F.adaptive_avg_pool2d(n.c(x), 1).view(1, 4)), c=conv(3, 4), l=nn.Linear(4, 3))),
    "mean": (picture, 13, True, True, Forward(lambda n, x: n.l(gelu(n.c(x)).mean([2, 3])), c=conv(3, 4), l=nn.Linear(4, 3))),
    "squeeze": (picture, 13, True, True, Forward(lambda n, x: n.l(n.c(x).mean([2, 3], keepdim=True).squeeze(-1).squeeze(-1)), c=conv(3, 4), l=nn.Linear(4, 3))),
    "permute": (picture, 13, True, True, Forward(lambda n, x: n.l(n.c(x).permute(0, 2, 3, 1).flatten(1)), c=conv(3, 4, stride=2), l=nn.Linear(64, 3))),
    "last": ((8, 8, 3), 13, True, True, Forward(lambda n, x: n.l(n.c(x.permute(0, 3, 1, 2)).flatten(1)), c=conv(3, 4), l=nn.Linear(256, 3))),
    "pad": (picture, 10, True, True, Forward(lambda n, x: n.l(n.c(F.pad(x, (0, 1, 1, 2))).flatten(1)), c=nn.Conv2d(3, 4, 3, stride=2), l=nn.Linear(80, 3))),
    "scaled": (picture, 13, True, True, Forward(lambda n, x: n.l((n.c((x - n.m) / n.s) * 1.5 + 0.25).flatten(1)), c=conv(3, 2), l=nn.Linear(128, 3),
                                               m=nn.Parameter(torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1)), s=nn.Parameter(torch.tensor([0.2, 0.3, 0.25]).view(1, 3, 1, 1)))),
    "old_hard": (picture, 11, True, True, Forward(lambda n, x: n.l(n.g(n.h(n.c(x))).mean([2, 3])), c=conv(3, 4), h=nn.Hardswish(), g=nn.Hardsigmoid(), l=nn.Linear(4, 3))),
    "norms": (picture, 13, True, False, Forward(lambda n, x: n.l(relu(n.b(n.c(x))).flatten(1)), c=conv(3, 4, bias=False), b=bn(4, eps=0.001, momentum=0.01), l=nn.Linear(256, 3))),
    "matmul": (row, 13, True, False, Forward(lambda n, x: torch.tanh(x @ n.a + n.b) @ n.w.t(), a=nn.Parameter(torch.randn(6, 4)), b=nn.Parameter(torch.randn(4)), w=nn.Parameter(torch.randn(3, 4)))),
    "layernorm": (row, 17, True, True, nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.SiLU(), nn.Linear(4, 3))),
    "pools": (picture, 13, True, True, nn.Sequential(conv(3, 4), nn.AvgPool2d(3, 2, 1), nn.MaxPool2d(2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))),
    "residual": (picture, 13, True, True, Forward(lambda n, x: n.l(relu(n.b(relu(n.a(x))) + n.d(x)).mean([2, 3])), a=conv(3, 4, stride=2), b=conv(4, 4), d=nn.Conv2d(3, 4, 1, stride=2), l=nn.Linear(4, 3))),
    "mobile": (picture, 14, True, True, nn.Sequential(conv(3, 8), V2(8, 8, 1, 2), V3(cnf(8, 3, 16, 8, True, "HS", 1, 1, 1), bn), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))),
    "sequences": ((5, 6), 13, True, True, Forward(lambda n, x: n.o(relu(n.l(x)).flatten(1)), l=nn.Linear(6, 2), o=nn.Linear(10, 3))),
}

torch.manual_seed(0)
os.makedirs(folder, exist_ok=True)
answers = {}
with torch.no_grad():
    for name, (shape, opset, symbolic, folding, net) in NETS.items():
        norms(net).eval()
        x = torch.randn(2 if symbolic else 1, *shape)
        if name == "last":
            x = x.abs()
        answers[name] = {"shape": list(x.shape), "input": x.flatten().tolist(), "outputs": net(x).flatten().tolist()}
        axes = {"x": {0: "batch"}, "y": {0: "batch"}} if symbolic else None
        torch.onnx.export(net, x[:1], f"{folder}/{name}.onnx", opset_version=opset, input_names=["x"], output_names=["y"], dynamic_axes=axes, do_constant_folding=folding,
                          training=torch.onnx.TrainingMode.EVAL if folding else torch.onnx.TrainingMode.PRESERVE)
with open(f"{folder}/answers.json", "w") as f:
    json.dump(answers, f)
