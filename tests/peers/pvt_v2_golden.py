"""Makes tests/golden/pvt_v2_b0.json: features and gradients of timm's pvt_v2_b0 in float64.

Weights, images and projections come from a counter formula that tests/pvt_v2_test.cpp repeats, so the file holds
digests and samples of results only.  Needs torch and timm; Camo itself never does.

    python tests/peers/pvt_v2_golden.py > tests/golden/pvt_v2_b0.json
"""

import json
import math

import numpy as np
import timm
import torch

MASK = (1 << 64) - 1
SIZES = [(2, 64, 64), (1, 70, 91)]  # batch, height, width
SAMPLES = 24
SAMPLED_GRADIENTS = [
    "patch_embed.proj.weight", "stages.0.blocks.0.attn.q.weight", "stages.0.blocks.1.attn.kv.weight",
    "stages.0.blocks.0.attn.sr.weight", "stages.1.downsample.proj.weight", "stages.1.blocks.0.mlp.dwconv.weight",
    "stages.2.blocks.1.mlp.fc1.bias", "stages.2.norm.weight", "stages.3.blocks.1.attn.kv.bias",
    "stages.3.blocks.1.mlp.fc2.weight",
]


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def counter(name, shape):
    """Uniform in [-1, 1), 24 bits, element i from the mixed word of fnv1a(name) + i * odd constant."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(math.prod(shape), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return torch.from_numpy(((z >> np.uint64(40)).astype(np.float64) / (1 << 23) - 1).reshape(shape))


def weight(name, shape):
    """Keeps activations near one; rounded to f32 so that f32 and f64 runs share their weights."""
    u = counter(name, shape)
    if len(shape) > 1:
        u = u * math.sqrt(3 / math.prod(shape[1:]))
    elif name.endswith("weight"):
        u = 1 + 0.25 * u
    else:
        u = 0.25 * u
    return u.float().double()


def digest(x, name, samples=SAMPLES):
    """x in PyTorch's element order.  dot: with the counter vector `name`; samples: element i * numel // samples."""
    x = x.detach().contiguous().reshape(-1)
    out = {"abs": x.abs().sum().item(), "dot": (x * counter(name, x.shape)).sum().item()}
    if samples:
        out["samples"] = [x[i * x.numel() // samples].item() for i in range(samples)]
    return out


def run(model, batch, height, width):
    x = counter(f"image {height}x{width}", (batch, 3, height, width)).requires_grad_()
    features = model(x)
    loss = sum((f * counter(f"projection {i}", f.shape)).sum() / math.sqrt(f.numel()) for i, f in enumerate(features))
    model.zero_grad()
    loss.backward()
    gradients = {"image": digest(x.grad, "image gradient")}
    for name, p in model.named_parameters():
        key = name.replace("stages_", "stages.")
        gradients[key] = digest(p.grad, key + " gradient", SAMPLES if key in SAMPLED_GRADIENTS else 0)
    return {
        "batch": batch, "height": height, "width": width, "loss": loss.item(),
        "features": [{"shape": list(f.shape), **digest(f, f"feature {i}")} for i, f in enumerate(features)],
        "gradients": gradients,
    }


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.13g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def main():
    torch.manual_seed(0)
    model = timm.create_model("pvt_v2_b0", pretrained=False, features_only=True).double().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(weight(name.replace("stages_", "stages."), tuple(p.shape)))
    out = {
        "model": "pvt_v2_b0", "timm": timm.__version__, "torch": torch.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "runs": [run(model, *size) for size in SIZES],
    }
    text = json.dumps(rounded(out), separators=(",", ":"))
    print(text.replace('"runs"', '\n"runs"').replace('},"', '},\n"'))


if __name__ == "__main__":
    main()
