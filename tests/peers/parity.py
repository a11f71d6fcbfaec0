"""Compares every backbone of Camo with timm: four maps and the gradient of the image, from random weights,
at 224 x 224, 352 x 352 and 321 x 257.

Weights go to Camo as a safetensors file named as in timm's features_only models; norms, gammas, biases and temperatures
are far from their initial values.  The reference is timm in f64.  For the relative error |a - b| / |b|
over all numbers:

    maps  Camo in f32 must be within 5e-6 of the reference
    dx    Camo in f32 must be within 1e-5, or within twice timm's own f32 error if that is larger

The ReLUs of pvt_v2_b2_li get biases that keep them away from 0: of millions of units near 0, some would switch by
rounding alone, in timm's own f32 too (up to 1.5e-4 in dx).  For the same reason the norms before EfficientNet-Lite's
ReLU6 put their units well below 0, between 0 and 6, or well above 6.  With --weights, units lie where training left
them, so dx in f32 is printed but has no rule; instead Camo in f64 must be within 1e-9 of the reference.
Swin is compared as timm builds it for 224 and runs it on other sizes, and as timm builds it for the size.  The latter
must be a multiple of 4, so Swin's odd size differs.  Exits 1 if any rule is broken; prints the table of nn/README.md.

    python tests/peers/parity.py --camo build/camo [NAMES...]
"""

import argparse
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file, save_file

NAMES = ["pvt_v2_b0", "pvt_v2_b1", "pvt_v2_b2", "pvt_v2_b2_li", "pvt_v2_b3", "pvt_v2_b4", "pvt_v2_b5", "edgenext_xx_small",
         "edgenext_x_small", "edgenext_small", "edgenext_base", "swin_tiny", "swin_small", "convnext_tiny", "convnext_small",
         "convnext_base", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]
MAPS, DX, DX_F64 = 5e-6, 1e-5, 1e-9
BEFORE_RELU6 = re.compile(r"bn1\.|blocks\.0\.\d\.bn1\.|blocks\.[1-6]\.\d\.bn[12]\.")


def sizes(name):
    """(height, width) of the input and (height, width) that the model is built for."""
    if name.startswith("swin"):
        return [((224, 224), (224, 224)), ((352, 352), (224, 224)), ((352, 352), (352, 352)), ((260, 324), (224, 224))]
    return [(size, (224, 224)) for size in [(224, 224), (352, 352), (321, 257)]]


def create(name, built):
    if name.startswith("swin"):
        return timm.create_model(name + "_patch4_window7_224", features_only=True, img_size=built, strict_img_size=False)
    if name.startswith("efficientnet_lite"):
        return timm.create_model("tf_" + name, features_only=True, out_indices=(1, 2, 3, 4))
    return timm.create_model(name, features_only=True)


def randomise(model, generator, has_relu, has_relu6):
    for name, p in model.named_parameters():
        u = torch.rand(p.shape, generator=generator) * 2 - 1
        if name.endswith("relative_position_bias_table"):
            u = 2 * u
        elif name.endswith(("gamma", "gamma_xca")):
            u = 0.5 + 0.25 * u
        elif p.dim() > 1 and not name.endswith("temperature"):
            u = u * math.sqrt(3 / math.prod(p.shape[1:]))
        elif has_relu6 and BEFORE_RELU6.match(name):
            side = torch.randint(0, 3, p.shape, generator=generator)
            u = 0.06 + 0.015 * u if name.endswith("weight") else 0.25 * u + torch.tensor([-4.0, 3.0, 10.0])[side]
        elif name.endswith("fc1.bias") and has_relu:
            u = u + 8 * u.sign()
        elif name.endswith("bias"):
            u = 0.25 * u
        else:
            u = 1 + 0.25 * u
        p.data.copy_(u)
    for name, b in model.named_buffers():
        u = torch.rand(b.shape, generator=generator) * 2 - 1 if name.endswith(("running_mean", "running_var")) else None
        if u is not None:
            b.copy_(0.25 * u + name.endswith("running_var"))


def load_in_order(model, file):
    """Weights of another program that have timm's order and shapes, and those of a classifier at the end."""
    state = model.state_dict()
    theirs = list(torch.load(file, map_location="cpu", weights_only=True).values())[: len(state)]
    assert [t.shape for t in theirs] == [t.shape for t in state.values()]
    model.load_state_dict(dict(zip(state, theirs)))


def by_taps(conv, x):
    """Depthwise convolution as a sum over taps, because PyTorch has no fast one in f64."""
    k, p = conv.kernel_size[0], conv.padding[0]
    h, w = x.shape[2] + 2 * p - k + 1, x.shape[3] + 2 * p - k + 1
    padded = torch.nn.functional.pad(x, (p, p, p, p))
    y = 0 if conv.bias is None else conv.bias[:, None, None].expand(len(x), -1, h, w)
    for i in range(k):
        for j in range(k):
            y = y + conv.weight[:, 0, i, j, None, None] * padded[:, :, i : i + h, j : j + w]
    return y


def in_f64(model):
    model.double()
    for m in model.modules():
        if isinstance(m, torch.nn.Conv2d) and m.groups == m.in_channels and m.groups > 1 and m.stride == (1, 1):
            sample = torch.randn(1, m.in_channels, 12, 12, dtype=torch.float64)
            assert torch.allclose(m(sample), by_taps(m, sample), rtol=1e-12, atol=1e-12)
            m.forward = by_taps.__get__(m)
    return model


def run(model, x, is_nhwc):
    """Maps (B, C, h, w) and the gradient of the sum over maps of mean(f^2)."""
    x = x.clone().requires_grad_()
    maps = model(x)
    sum(f.square().mean() for f in maps).backward()
    if is_nhwc:
        maps = [f.permute(0, 3, 1, 2) for f in maps]
    return [f.detach() for f in maps] + [x.grad]


def error(a, b):
    return ((a.double() - b).norm() / b.norm()).item()


def compare(name, size, built, options, folder):
    generator = torch.Generator().manual_seed(len(name) + size[0])
    model = create(name, built).eval()
    if options.weights:
        load_in_order(model, options.weights)
    else:
        randomise(model, generator, has_relu=name.endswith("_li"), has_relu6="_lite" in name)
    x = torch.randn(options.batch, 3, *size, generator=generator)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "weights.safetensors")
    save_file({"x": x}, folder / "x.safetensors")
    weights, built_for = options.weights or folder / "weights.safetensors", f"{built[0]}x{built[1]}"
    command = [options.camo, "features", "--backbone", name, "--weights", weights, "--input", folder / "x.safetensors",
               "--out", folder / "out.safetensors", "--grad", "--size", built_for]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    out = load_file(folder / "out.safetensors")
    if options.weights:
        subprocess.run([*command, "--dtype", "f64"], check=True, stdout=subprocess.DEVNULL)
    in_double = load_file(folder / "out.safetensors")["dx"]
    single = run(model, x, name.startswith("swin"))
    for p in model.parameters():
        p.grad = None
    truth = run(in_f64(model), x.double(), name.startswith("swin"))
    camo = [error(out[key], t) for key, t in zip(["f0", "f1", "f2", "f3", "dx"], truth)]
    peer = [error(s, t) for s, t in zip(single, truth)]
    count = sum(p.numel() for p in model.parameters())
    good = max(camo[:4]) <= MAPS
    good &= error(in_double, truth[4]) <= DX_F64 if options.weights else camo[4] <= max(DX, 2 * peer[4])
    return good, count, max(camo[:4]), max(peer[:4]), camo[4], peer[4]


def row(name, options, folder):
    """Prints a line of the table, the worst of all sizes; returns whether every size meets the rules."""
    results = [compare(name, size, built, options, folder) for size, built in sizes(name)]
    good = all(result[0] for result in results)
    worst = [max(column) for column in zip(*results)][1:]
    print(f"| {name} | {worst[0]:,} | {worst[1]:.1e} | {worst[2]:.1e} | {worst[3]:.1e} | {worst[4]:.1e} |"
          f"{'' if good else ' BROKEN: ' + str(results)}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAMES")
    parser.add_argument("--camo", default="build/camo")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--weights", help="weights of the one backbone NAMES, in timm's order, in place of random ones")
    options = parser.parse_args()
    print("| backbone | parameters | maps: Camo | maps: timm f32 | dx: Camo | dx: timm f32 |\n|---|---|---|---|---|---|")
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names or NAMES:
            good &= row(name, options, Path(folder))
    sys.exit(not good)


if __name__ == "__main__":
    main()
