"""Sends weights from Camo to PyTorch and back, and compares them bit for bit.

For every backbone: timm's random weights -> file -> camo import -> timm's features_only and full models (strict) ->
torch.save -> camo import -> the same bits.  For a whole network: camo train -> camo export -> the twin (strict) ->
save_file -> camo import --part network -> the same bits.  Exits 1 if anything differs.

    python tests/peers/roundtrip.py --camo build/camo [NAMES...]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import timm
import torch
from parity import NAMES, create
from safetensors.torch import load_file, save_file
from twin import MODELS, CamoXpert, timm_backbone


def camo(options, *words):
    subprocess.run([options.camo, *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def equal(a, b):
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and torch.equal(a[k], b[k]) for k in a)


def backbone(name, options, folder):
    model = create(name, (224, 224))
    random = {k: v.contiguous() for k, v in model.state_dict().items()}
    save_file(random, folder / "random.safetensors")
    for names in ("features", "timm"):
        out = folder / f"{names}.safetensors"
        camo(options, "import", folder / "random.safetensors", "--backbone", name, "--names", names, "--size", 224, "--out", out)
    there = create(name, (224, 224))
    there.load_state_dict(load_file(folder / "features.safetensors"), strict=True)
    whole = timm_backbone(name)
    whole.load_state_dict(load_file(folder / "timm.safetensors"), strict=True)
    torch.save(whole.state_dict(), folder / "back.pth")
    camo(options, "import", folder / "back.pth", "--backbone", name, "--names", "features", "--size", 224, "--out", folder / "back.safetensors")
    return equal(dict(there.state_dict()), random) and equal(load_file(folder / "back.safetensors"), random)


def network(what, options, folder):
    model, name = what.split()
    camo(options, "train", "--data", "synthetic", "--size", 64, "--count", 8, "--batch-size", 4, "--epochs", 1, "--model", model,
         "--backbone", name, "--out", folder / "run")
    camo(options, "export", "--weights", folder / "run", "--out", folder / "network.safetensors")
    out = load_file(folder / "network.safetensors")
    dims = timm.create_model(name, features_only=True).feature_info.channels()
    twin = CamoXpert(name, dims, model)
    twin.load_state_dict(out, strict=True)
    save_file({k: v.contiguous() for k, v in twin.state_dict().items()}, folder / "twin.safetensors")
    camo(options, "import", folder / "twin.safetensors", "--part", "network", "--model", model, "--backbone", name,
         "--size", 64, "--out", folder / "again.safetensors")
    return equal(load_file(folder / "again.safetensors"), out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAMES")
    parser.add_argument("--camo", default="build/camo")
    options = parser.parse_args()
    good = True
    work = [(backbone, name) for name in options.names or NAMES] + [(network, f"{model} {name}") for model in MODELS for name in ("pvt_v2_b0", "edgenext_xx_small")]
    for what, name in work:
        with tempfile.TemporaryDirectory() as folder:
            same = what(name, options, Path(folder))
        print(f"{what.__name__:9} {name:36} {'the same bits' if same else 'DIFFERS'}", flush=True)
        good &= same
    sys.exit(not good)


if __name__ == "__main__":
    main()
