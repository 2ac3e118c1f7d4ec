"""Writes probe.json: how a probe does on pictures of Fashion-MNIST, with weights of real training.

usage: python3 probe.py FOLDER    (with what internal/trainedtest/trained.js wrote)
Run with torch, torchvision, Pillow and scikit-learn (made with 1.13, 0.14, 9.4 and 1.2) and Debian's
dataset-fashion-mnist. The pictures are prepared as torchvision's first weights of a MobileNetV2 want it, torchvision's
net computes the features, and LogisticRegression is fitted to them: 500 pictures to fit to, 1,000 to measure on.
"""
import gzip, json, os, struct, sys
import numpy as np, torch, torchvision
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(sys.argv[1], "weights.safetensors"), "rb") as f:
    header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    data = f.read()
state = {}
for name, t in header.items():
    begin, end = t["data_offsets"]
    state[name] = torch.from_numpy(np.frombuffer(data[begin:end], np.float32).reshape(t["shape"]).copy())
net = torchvision.models.mobilenet_v2(weights=None)
missing, unexpected = net.load_state_dict(state, strict=False)
assert not unexpected and all(n.startswith("classifier.") or n.endswith("num_batches_tracked") for n in missing)
net.classifier = torch.nn.Identity()
net.eval()


def read(part, n):
    folder = "/usr/share/datasets/fashion-mnist"
    pixels = gzip.open(f"{folder}/{part}-images-idx3-ubyte.gz").read()[16 : 16 + n * 784]
    labels = gzip.open(f"{folder}/{part}-labels-idx1-ubyte.gz").read()[8 : 8 + n]
    return np.frombuffer(pixels, np.uint8).reshape(n, 28, 28), np.frombuffer(labels, np.uint8)


def features(pictures):
    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    out = []
    with torch.no_grad():
        for p in pictures:
            img = Image.fromarray(p).convert("RGB").resize((256, 256), Image.BILINEAR).crop((16, 16, 240, 240))
            x = (np.asarray(img, np.float32) / 255 - mean) / std
            out.append(net(torch.from_numpy(x.transpose(2, 0, 1)[None]))[0].double().numpy())
    return np.array(out)


train, y = read("train", 500)
test, z = read("t10k", 1000)
train, test = features(train), features(test)
fits = []
for l2 in [0.02, 0.002, 0.0002]:
    m = LogisticRegression(C=1 / (l2 * len(y)), tol=1e-8, max_iter=100000).fit(train, y)
    fits.append({"l2": l2, "accuracy": m.score(test, z), "loss": log_loss(z, m.predict_proba(test))})
    print(fits[-1], m.n_iter_, flush=True)
with open(os.path.join(HERE, "probe.json"), "w") as f:
    json.dump(fits, f)
    f.write("\n")
