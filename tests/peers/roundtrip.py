"""Sends weights from Camo to PyTorch and back, and compares them bit for bit.

For every backbone: timm's random weights -> file -> camo import -> timm's features_only and full models (strict) ->
torch.save -> camo import -> the same bits.  For a whole network: camo train -> camo export --to pytorch -> its model.py, and
timm's full model for the backbone (both strict) -> save_file -> camo import --part network -> the same bits.  Exits 1 if
anything differs.

    python tests/peers/roundtrip.py --camo build/camo [NAMES...]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import timm
import torch
from export_pytorch import module_of
from parity import NAMES, create
from safetensors.torch import load_file, save_file

MODELS = ("camoxpert", "camoxpert-cod", "camoxpert-sparse", "camoxpert-single")


def timm_backbone(name):
    """timm's full backbone model (dotted names) without its classifier."""
    if name.startswith("efficientnet_lite"):  # the features_only model has the names of the whole one
        return timm.create_model("tf_" + name, features_only=True, out_indices=(1, 2, 3, 4))
    if name.startswith("swin"):
        model = timm.create_model(name + "_patch4_window7_224", num_classes=0, img_size=(224, 224), strict_img_size=False)
        model.norm = torch.nn.Identity()
        return model
    model = timm.create_model(name, num_classes=0)
    if hasattr(model.head, "norm"):
        model.head.norm = torch.nn.Identity()
    return model


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
    camo(options, "export", "--weights", folder / "run", "--to", "pytorch", "--out", folder / "python")
    out = load_file(folder / "network.safetensors")
    there = module_of(folder, "roundtrip").load(folder / "python").state_dict()
    timm_backbone(name).load_state_dict({k[9:]: v for k, v in out.items() if k.startswith("backbone.")}, strict=True)
    save_file({k: v.contiguous() for k, v in there.items()}, folder / "back.safetensors")
    camo(options, "import", folder / "back.safetensors", "--part", "network", "--model", model, "--backbone", name,
         "--size", 64, "--out", folder / "again.safetensors")
    return equal(dict(there), out) and equal(load_file(folder / "again.safetensors"), out)


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
