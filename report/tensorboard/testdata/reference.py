"""Writes what tensorboard_test.go compares with, by PyTorch's SummaryWriter.

It needs PyTorch and TensorBoard: the package of that name, or a checkout of its repository
on PYTHONPATH with the files *.proto compiled in place (protoc -I. --python_out=. FILE...).
"""

import glob
import os
import shutil
import tempfile
from unittest import mock

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

here = os.path.dirname(os.path.abspath(__file__))

with tempfile.TemporaryDirectory() as folder, mock.patch("time.time", lambda: 1700000000.25):
    writer = SummaryWriter(folder, purge_step=3)
    writer.add_scalar("loss/train", 0.7851, 1)
    writer.add_scalar("loss/train", -1.5, 300)
    writer.add_scalar("learning rate", 0, 0)
    writer.add_scalar("größe", float("inf"), 2**40)
    picture = Summary.Image(height=28, width=200, colorspace=3, encoded_image_string=bytes(range(256)))
    writer.file_writer.add_summary(Summary(value=[Summary.Value(tag="confusion", image=picture)]), 5)
    writer.close()
    (written,) = glob.glob(os.path.join(folder, "events.out.tfevents.*"))
    shutil.copyfile(written, os.path.join(here, "summarywriter.tfevents"))
