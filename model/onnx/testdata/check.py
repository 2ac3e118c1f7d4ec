"""The checker of Debian's python3-onnx over ONNX files.
usage: check.py FILE...
It prints the names of the classes in the metadata of each, and ends with status 1 if a file is not valid."""
import json, sys, onnx
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=model.ByteSize() < 1 << 30)
    print(json.dumps(json.loads({p.key: p.value for p in model.metadata_props}["names"])))
