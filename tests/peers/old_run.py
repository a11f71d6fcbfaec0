"""Makes tests/golden/old_run.json: a run that a released program made, for tests/program/old_run_test.cpp.

The file holds the run's configuration, its metrics, and the metadata, names, types and shapes of its checkpoint; no
weights.  A counter formula, which tests/golden/golden.cpp repeats, fills the tensors.  The file also holds what that
program made of the filled checkpoint: scores, and the metrics of two more epochs.  Needs Python alone.

    python tests/peers/old_run.py PROGRAM "WHICH VERSION" > tests/golden/old_run.json
"""

import array
import json
import math
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

MASK = (1 << 64) - 1
PARTS = {"m": "model.", "e": "ema.", "f": "optimizer.first.", "s": "optimizer.second.", "n": "optimizer.steps."}
TRAIN = "train --data synthetic --count 20 --size 32 --experts 3 --batch-size 2 --accumulate 2 --epochs 2 --threads 1 --workers 1"


def counter(name, n):
    """Uniform in [-1, 1), as in tests/golden/golden.cpp."""
    z = 0xCBF29CE484222325
    for byte in name.encode():
        z = ((z ^ byte) * 0x100000001B3) & MASK
    for _ in range(n):
        x = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        yield ((x ^ (x >> 31)) >> 40) / (1 << 23) - 1
        z = (z + 0x9E3779B97F4A7C15) & MASK


def filled(name, dtype, shape):
    n = math.prod(shape)
    if dtype == "I64":
        return array.array("q", [3] * n)  # a count of steps
    u = counter(name, n)
    if name.startswith("optimizer.first."):
        return array.array("f", (0.01 * x for x in u))
    if name.startswith("optimizer.second."):
        return array.array("f", (0.0001 * (1.5 + x) for x in u))
    if len(shape) > 1:
        spread = math.sqrt(3 / math.prod(shape[1:]))
        return array.array("f", (x * spread for x in u))
    one = name.endswith(("weight", "running_var"))
    return array.array("f", (1 + 0.25 * x if one else 0.25 * x for x in u))


def write(path, tensors, metadata):
    """A safetensors file with Camo's checksums (tensor/io/io.h); wide types first."""
    header, data, sums = {}, bytearray(), {}
    for name, (dtype, shape) in sorted(tensors.items(), key=lambda item: item[1][0] != "I64"):
        raw = filled(name, dtype, shape).tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        sums[name] = f"{zlib.crc32(raw):08x}"
        data += raw
    crcs = {"camo.crc32": json.dumps(sums, separators=(",", ":")), "camo.header_crc32": "00000000"}
    text = json.dumps({"__metadata__": {**crcs, **metadata}, **header}, separators=(",", ":"))
    text += " " * (-len(text) % 64)
    head = struct.pack("<Q", len(text)) + text.encode()
    key = b'"camo.header_crc32":"'
    head = head.replace(key + b"00000000", key + f"{zlib.crc32(head):08x}".encode(), 1)
    path.write_bytes(head + data)


def header_of(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    metadata = header.pop("__metadata__")
    return {name: (x["dtype"], x["shape"]) for name, x in header.items()}, {
        k: v for k, v in metadata.items() if not k.startswith("camo.")
    }


def stopped_run(camo, run):
    """Stops it with a signal in its second epoch, so that the sums of an epoch are not empty."""
    process = subprocess.Popen([camo, *TRAIN.split(), "--out", str(run)], stdout=subprocess.DEVNULL)
    while not (run / "usage.svg").exists():  # the last file of an epoch
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130, "the run was not stopped"


def main(camo, version):
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        stopped_run(camo, run)
        tensors, metadata = header_of(run / "last.safetensors")
        state = json.loads(metadata["state"])
        assert state["epoch"] == 1 and state["batch"] > 0 and state["loss_sum"] > 0, state
        out = {"made_by": f"camo {TRAIN}, stopped in its second epoch; {version}"}
        for name in ["config.json", "metrics.jsonl"]:
            out[name] = (run / name).read_text().replace(folder + "/", "")
        out["metadata"] = {k: v.replace(folder + "/", "") for k, v in metadata.items()}

        write(run / "last.safetensors", tensors, metadata)
        write(run / "best.safetensors", {k: v for k, v in tensors.items() if k[0] != "o"}, metadata)
        camo_run = lambda words: subprocess.run([camo, *words.split()], check=True, stdout=subprocess.DEVNULL)
        camo_run(f"eval --weights {run} --data synthetic --count 4 --threads 1 --out {folder}/scores.json")
        scores = json.loads(pathlib.Path(f"{folder}/scores.json").read_text())
        out["scores"] = {k: v for k, v in scores.items() if isinstance(v, float)}
        camo_run(f"train --resume {run} --epochs 3")
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        out["continued"] = [{k: x[k] for k in ["epoch", "step", "loss", "grad_norm", "lr", "iou"]} for x in lines]

    # One row for all tensors of a name, type and shape, with the letters of the parts that hold one.
    rows = {}
    for name, info in tensors.items():
        letter, prefix = next((k, v) for k, v in PARTS.items() if name.startswith(v))
        key = json.dumps([name[len(prefix) :], *info], separators=(",", ":"))
        rows[key] = rows.get(key, "") + letter
    table = ",\n".join(f'  {key[:-1]},"{letters}"]' for key, letters in rows.items())
    print(json.dumps({**out, "parts": PARTS}, indent=1)[:-2] + ',\n "tensors": [\n' + table + "\n ]\n}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
