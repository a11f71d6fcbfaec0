"""Makes tests/golden/NAME.json: features and gradients of timm's backbone NAME in float64.

Weights, images and projections come from a counter formula that tests/golden/golden.cpp repeats, so the file needs only
digests and samples of the results.  This script needs torch and timm; Camo does not.

    python tests/peers/backbone_golden.py pvt_v2_b0 [SIBLING ...] > tests/golden/pvt_v2_b0.json

SIBLING: a larger backbone of the same family; of it the file holds the number of parameters.
"""

import json
import math
import re
import sys

import numpy as np
import timm
import torch

MASK = (1 << 64) - 1
SAMPLES = 12
SAMPLED = 17  # every 17th gradient keeps samples; the others only digests, and only in the first run
# batch, height, width of each run; timm's Swin is built for the size of the run.
SIZES = {"swin": [(2, 64, 64), (1, 68, 100)]}
OTHER_SIZES = [(2, 64, 64), (1, 70, 91)]


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def counter(name, shape):
    """Numbers in [-1, 1) with 24 bits: element i mixes the bits of fnv1a(name) + i * an odd constant."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(math.prod(shape), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return torch.from_numpy(((z >> np.uint64(40)).astype(np.float64) / (1 << 23) - 1).reshape(shape))


def weight(name, shape):
    """Weights that keep activations near one, rounded to f32 so that f32 and f64 runs share them."""
    u = counter(name, shape)
    if len(shape) > 1:
        u = u * math.sqrt(3 / math.prod(shape[1:]))
    elif name.endswith(("weight", "running_var")):
        u = 1 + 0.25 * u
    else:
        u = 0.25 * u
    return u.float().double()


def digest(x, name, samples=SAMPLES):
    """Digest of x in PyTorch's element order.  dot: with counter vector `name`; samples: i * numel // samples."""
    x = x.detach().contiguous().reshape(-1)
    out = {"abs": x.abs().sum().item(), "dot": (x * counter(name, x.shape)).sum().item()}
    if samples:
        out["samples"] = [x[i * x.numel() // samples].item() for i in range(samples)]
    return out


def camo_name(name):
    """stages_0.blocks... of features_only -> stages.0.blocks... of the full model."""
    return re.sub(r"^(stem|stages|layers)_(\d+)\.", r"\1.\2.", name)


def make(name, height, width):
    size = {"img_size": (height, width), "strict_img_size": False} if name.startswith("swin") else {}
    strides = timm.create_model(name, pretrained=False, features_only=True).feature_info.reduction()
    maps = [strides.index(stride) for stride in (4, 8, 16, 32)]  # some families have a map at stride 2 as well
    model = timm.create_model(name, pretrained=False, features_only=True, out_indices=maps, **size).double().eval()
    with torch.no_grad():
        for key, x in (*model.named_parameters(), *model.named_buffers()):
            if key.endswith(("weight", "bias", "running_mean", "running_var")) or x.requires_grad:
                x.copy_(weight(camo_name(key), tuple(x.shape)))
    return model


def rounded_sines():
    """Computes sines in f64: torch's vectorised f32 sine has last-digit errors at some EdgeNeXt positions."""
    for name in ("sin", "cos"):
        exact = getattr(torch.Tensor, name)
        setattr(torch.Tensor, name, lambda x, exact=exact: exact(x.double()).to(x.dtype))


def run(name, batch, height, width, first):
    model = make(name, height, width)
    x = counter(f"image {height}x{width}", (batch, 3, height, width)).requires_grad_()
    features = model(x)
    if name.startswith("swin"):  # the one family that returns (B, H, W, C)
        features = [f.permute(0, 3, 1, 2) for f in features]
    loss = sum((f * counter(f"projection {i}", f.shape)).sum() / math.sqrt(f.numel()) for i, f in enumerate(features))
    loss.backward()
    gradients = {"image": digest(x.grad, "image gradient")}
    for i, (key, p) in enumerate(model.named_parameters()):
        key = camo_name(key)
        if first or i % SAMPLED == 0:
            gradients[key] = digest(p.grad, key + " gradient", 0 if i % SAMPLED else SAMPLES)
    return {
        "batch": batch, "height": height, "width": width, "loss": loss.item(),
        "features": [{"shape": list(f.shape), **digest(f, f"feature {i}")} for i, f in enumerate(features)],
        "gradients": gradients,
    }


def bare(name):
    """Camo's name of a backbone."""
    return name.removeprefix("tf_").removesuffix("_patch4_window7_224")


def parameters(name):
    return sum(p.numel() for p in make(name, 224, 224).parameters())


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.13g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def main():
    name = sys.argv[1]
    rounded_sines()
    sizes = SIZES.get(name.split("_")[0], OTHER_SIZES)
    out = {
        "model": name, "timm": timm.__version__, "torch": torch.__version__,
        "parameters": parameters(name), "siblings": {bare(sibling): parameters(sibling) for sibling in sys.argv[2:]},
        "runs": [run(name, *size, first=size == sizes[0]) for size in sizes],
    }
    text = json.dumps(rounded(out), separators=(",", ":"))
    print(text.replace('"runs"', '\n"runs"').replace('},"', '},\n"'))


if __name__ == "__main__":
    main()
