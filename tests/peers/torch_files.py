"""Compares what Camo reads from files of torch.save with the same weights as safetensors, bit for bit.

For each of the sixteen backbones, timm's random state_dict is saved both ways, and `camo inspect --hash` must print the
same digests.  Then come views, types and wrappers that torch.save can write, as a zip and as before PyTorch 1.6, files that
others saved, and pickles that torch.save never writes.

    python tests/peers/torch_files.py --camo build/camo [--files F.pth ...]
"""

import argparse
import os
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile
import time
import zipfile

import safetensors.torch
import timm
import torch

BACKBONES = [
    "pvt_v2_b0", "pvt_v2_b1", "pvt_v2_b2", "pvt_v2_b2_li", "pvt_v2_b3", "pvt_v2_b4", "pvt_v2_b5",
    "edgenext_xx_small", "edgenext_x_small", "edgenext_small", "edgenext_base",
    "swin_tiny_patch4_window7_224", "swin_small_patch4_window7_224",
    "convnext_tiny", "convnext_small", "convnext_base",
]


def inspect(camo, file):
    """Returns {name: (type, shape, digest)}, the digest over all, the rest of the output, and the seconds."""
    start = time.perf_counter()
    run = subprocess.run([camo, "inspect", str(file), "--hash"], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    lines = run.stdout.splitlines()
    tensors = {}
    for line in lines:
        found = re.match(r"(\S+)\s+(\w+)\s+(\(.*?\))\s+([0-9a-f]{16})$", line)
        if found:
            tensors[found[1]] = found.groups()[1:]
    total = re.search(r"digest of all ([0-9a-f]{16})", run.stdout)
    return tensors, total and total[1], run.stdout + run.stderr, run.returncode, seconds


def random_state(name):
    model = timm.create_model(name, pretrained=False)
    state = model.state_dict()
    for x in state.values():
        if x.is_floating_point():
            x.normal_()
    return state


def strange_state():
    """A dict with everything it may hold besides plain tensors, and the plain tensors it must be read as."""
    x = torch.randn(6, 4)
    state = {
        "transposed": x.t(), "sliced": x[1:5:2, 1:3], "expanded": torch.randn(1, 3).expand(5, 3), "tied": x, "tied_too": x,
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last), "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 7), "parameter": torch.nn.Parameter(torch.randn(3)), "f64": torch.randn(5).double(),
        "bf16": torch.randn(5).bfloat16(), "f16": torch.randn(500).half(), "i64": torch.arange(5),
        "i32": torch.arange(-2, 3, dtype=torch.int32), "i16": torch.arange(-2, 3, dtype=torch.int16),
        "i8": torch.arange(-2, 3, dtype=torch.int8), "u8": torch.arange(5, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
    }
    read_as = {torch.float16: torch.float32, torch.bool: torch.uint8, torch.int32: torch.int64,
               torch.int16: torch.int64, torch.int8: torch.int64}
    plain = {k: v.detach().to(read_as.get(v.dtype, v.dtype)).clone(memory_format=torch.contiguous_format)
             for k, v in state.items()}
    return state, plain


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def compare(label, camo, saved, plain):
    a, total_a, words_a, _, seconds_a = inspect(camo, saved)
    b, total_b, words_b, _, seconds_b = inspect(camo, plain)
    values = lambda tensors: {name: t[1:] for name, t in tensors.items()}  # types in the files may differ
    equal = bool(a) and values(a) == values(b) and total_a == total_b and total_a is not None
    size = saved.stat().st_size / 1e6
    print(f"{label:<30} {len(a):>5} tensors {size:>7.1f} MB   .pth {seconds_a:>5.2f} s   .safetensors {seconds_b:>5.2f} s   "
          f"{'equal' if equal else 'DIFFERENT: ' + words_a[-300:] + words_b[-300:]}", flush=True)
    return equal


def refused(label, camo, file, words):
    _, _, said, status, _ = inspect(camo, file)
    right = status == 4 and words in said
    print(f"{label:<30} exit {status}: {said.strip().splitlines()[-1].replace(str(file.parent) + '/', '')}"
          f"{'' if right else '   WRONG, expected: ' + words}", flush=True)
    return right


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--camo", default="build/camo")
    parser.add_argument("--backbones", nargs="*", default=BACKBONES)
    parser.add_argument("--files", nargs="*", default=[], help="state_dicts that others saved")
    options = parser.parse_args()
    torch.manual_seed(1)
    print(f"torch {torch.__version__}, timm {timm.__version__}")
    good = []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        saved, plain = pathlib.Path(folder) / "weights.pth", pathlib.Path(folder) / "weights.safetensors"
        for name in options.backbones:
            state = random_state(name)
            torch.save(state, saved)
            safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, plain)
            good.append(compare(name, options.camo, saved, plain))
        state, dense = strange_state()
        safetensors.torch.save_file(dense, plain)
        for zipped in True, False:
            for protocol in 2, 3, 4, 5:
                torch.save({"model": state, "epoch": 3, "lr": 1e-3, "note": None}, saved, pickle_protocol=protocol,
                           _use_new_zipfile_serialization=zipped)
                good.append(compare(f"{'' if zipped else 'before 1.6: '}views and types, protocol {protocol}",
                                    options.camo, saved, plain))
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.randn(3))])
        optimizer.param_groups[0]["params"][0].sum().backward()
        optimizer.step()
        torch.save({"state_dict": dense, "optimizer": optimizer.state_dict()}, saved)
        good.append(compare("with an optimizer's state", options.camo, saved, plain))

        torch.serialization.set_crc32_options(False)
        torch.save(dense, saved)
        torch.serialization.set_crc32_options(True)
        good.append(compare("without sums", options.camo, saved, plain))

        torch.save({"x": torch._neg_view(torch.ones(3))}, saved)
        good.append(refused("to be negated", options.camo, saved, "resolve_neg()"))
        for label, call, words in [
            ("os.system", Calls(os.system, "echo called"), "os.system"),
            ("builtins.eval", Calls(eval, "1"), "builtins.eval"),
            ("torch.hub.load", Calls(torch.hub.load, "a", "b"), "torch.hub.load"),
            ("a whole model", torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
            ("argparse.Namespace", argparse.Namespace(lr=1), "argparse.Namespace"),
        ]:
            torch.save({"state_dict": dense, "args": call}, saved)
            good.append(refused(label, options.camo, saved, words))
        torch.save(dense, saved)
        whole = saved.read_bytes()
        at = whole.index(dense["sliced"].numpy().tobytes())
        saved.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        good.append(refused("one flipped bit", options.camo, saved, "does not have its checksum"))
        try:
            torch.load(saved, weights_only=True)
            print(f"{'':<30} PyTorch loads it")
        except Exception as error:
            print(f"{'':<30} PyTorch: {error}")
        for file in map(pathlib.Path, options.files):
            state = torch.load(file, weights_only=True)
            safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, plain)
            good.append(compare(file.name[:30], options.camo, file, plain))
        with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        good.append(refused("compressed", options.camo, saved, "deflate"))
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), saved)
        good.append(refused("TorchScript", options.camo, saved, "TorchScript"))
    print(f"{sum(good)} of {len(good)} as expected")
    return sum(good) != len(good)


if __name__ == "__main__":
    sys.exit(main())
