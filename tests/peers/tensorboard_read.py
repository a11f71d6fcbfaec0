"""Reads the event files of a run with TensorBoard's own reader and compares them with the run's other files.

    build/camo train --data synthetic --count 40 --size 64 --epochs 3 --out R
    python tests/peers/tensorboard_read.py R

What must hold, also of a run that was stopped or killed and then continued: the scalars are the
numbers of metrics.jsonl, rounded to f32, each step once and none that was taken back; pictures can be decoded; the
histograms count as many numbers as the checkpoint has weights.  Needs tensorboard, numpy and Pillow.
"""

import argparse
import io
import json
import logging
import math
import pathlib
import struct
import sys

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing import event_accumulator

GROUPS = {"loss": "loss/total", "mae": "score/MAE", "iou": "score/IoU", "dice": "score/Dice", "epoch": "run/epoch"}
OPTIMIZER = ("lr", "grad_norm", "grad_norm_deviation", "skipped")
MACHINE = ("seconds", "images_per_second", "memory", "bytes_kept")


def tag_of(key):
    if key in GROUPS:
        return GROUPS[key]
    if key in OPTIMIZER:
        return "optimizer/" + key
    if key in MACHINE:
        return "machine/" + key
    head, _, rest = key.partition("_")
    return f"{head}/{rest}" if head in ("loss", "seconds") else "score/" + key


def expected_scalars(metrics):
    """{(tag, step): value}, and for loads, whose tags have the experts' names, {("load/H_4", step): values}."""
    out = {}
    for line in map(json.loads, metrics.read_text().splitlines()):
        for key, value in line.items():
            if isinstance(value, list):
                if key.startswith("load_") and key[5:].isdigit():
                    out["load/H_%d" % (4 << int(key[5:])), line["step"]] = value
                else:
                    for i, x in enumerate(value):
                        out["%s/H_%d" % (key, 4 << i), line["step"]] = x
            elif key != "step" and value is not None and math.isfinite(value):
                out[tag_of(key), line["step"]] = value
    return out


def weights_of(checkpoint):
    """The number of weights, by the part whose histogram has them."""
    with open(checkpoint, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    out = {}
    for name, tensor in header.items():
        words = name.split(".")
        statistics = ("running_mean", "running_var", "num_batches_tracked", "balance", "load", "usage", "steps")
        if words[0] != "model" or words[-1] in statistics:
            continue
        part = words[1]
        number = next((i for i, w in enumerate(words) if w.isdigit()), None)
        if part in ("backbone", "scales") and number:
            part = ".".join(words[1:number + 1])
        out[part] = out.get(part, 0) + math.prod(tensor["shape"])
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=pathlib.Path)
    run = parser.parse_args().run
    logging.disable(logging.WARNING)  # it says what a START makes void
    read = event_accumulator.EventAccumulator(str(run / "events"), {
        k: 0 for k in (event_accumulator.SCALARS, event_accumulator.IMAGES, event_accumulator.HISTOGRAMS,
                       event_accumulator.TENSORS)})
    read.Reload()
    wrong = []
    found = {}
    for tag in read.Tags()["scalars"]:
        for event in read.Scalars(tag):
            key = ("/".join(tag.split("/")[:2]) if tag.startswith("load/") else tag, event.step)
            if tag.startswith("load/"):
                found.setdefault(key, []).append(event.value)
            elif key in found:
                wrong.append(f"{key} twice")
            else:
                found[key] = event.value
    expected = expected_scalars(run / "metrics.jsonl")
    for key in sorted(expected.keys() | found.keys(), key=str):
        a, b = expected.get(key), found.get(key)
        same = a is not None and b is not None and (
            sorted(np.float32(a)) == sorted(np.float32(b)) if isinstance(a, list) else np.float32(a) == np.float32(b))
        if not same:
            wrong.append(f"{key}: {b} instead of {a}")
    pictures = 0
    for tag in read.Tags()["images"]:
        for event in read.Images(tag):
            picture = Image.open(io.BytesIO(event.encoded_image_string))
            picture.load()
            pictures += 1
            if picture.size != (event.width, event.height):
                wrong.append(f"{tag}: a picture of another size")
    histograms = 0
    weights = weights_of(run / "last.safetensors")
    if {"weights/" + part for part in weights} != set(read.Tags()["histograms"]):
        wrong.append(f"histograms {read.Tags()['histograms']} of parts {sorted(weights)}")
    for tag in read.Tags()["histograms"]:
        for event in read.Histograms(tag):
            h = event.histogram_value
            histograms += 1
            if not h.num == sum(h.bucket) == weights[tag.removeprefix("weights/")]:
                wrong.append(f"{tag}: {h.num} numbers, {sum(h.bucket)} in buckets")
            if not h.min <= h.sum / h.num <= h.max or len(h.bucket) != len(h.bucket_limit):
                wrong.append(f"{tag}: mean {h.sum / h.num} of {h.min} to {h.max}")
    files = sorted((run / "events").iterdir())
    print(*wrong, sep="\n")
    print(f"{len(files)} files of {sum(f.stat().st_size for f in files)} bytes, {len(found)} numbers, "
          f"{pictures} pictures, {histograms} histograms, {len(wrong)} errors")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
