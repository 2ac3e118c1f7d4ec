"""PyTorch's exports of torchvision's nets, of weights that are drawn and batch norms that have seen batches.
usage: torch_zoo.py FOLDER NAME...
Writes NAME.onnx (opset 13, a symbolic batch), NAME.input.npy (2,3,224,224) and NAME.logits.npy. It runs with Debian's
python3-torch and python3-torchvision."""
import os, sys, numpy, torch, torchvision

folder, names = sys.argv[1], sys.argv[2:]
os.makedirs(folder, exist_ok=True)
for name in names:
    torch.manual_seed(0)
    net = getattr(torchvision.models, name)(weights=None)
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.momentum = None
    with torch.no_grad():
        net.train()(torch.randn(8, 3, 224, 224))
        x = torch.randn(2, 3, 224, 224)
        y = net.eval()(x)
    numpy.save(f"{folder}/{name}.input.npy", x.numpy())
    numpy.save(f"{folder}/{name}.logits.npy", y.numpy())
    torch.onnx.export(net, x[:1], f"{folder}/{name}.onnx", opset_version=13, input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})
