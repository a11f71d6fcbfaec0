"""Compares what `camo export --to pytorch` writes with Camo: maps, strict loading, gradients of all parameters, a step of
training.

    python tests/peers/export_pytorch.py --camo build/camo --tests build/tests/camo_tests --out FOLDER [NAME ...]

Each case is a run of one epoch on synthetic pictures, whose weights are then made larger and odder (layer scales, tables
of positions, statistics of batch norms and balances all differ from their first values), so that every part counts.
Camo's maps and gradients are those of tests/export/maps_test.cpp.

Gradients are those of the usual loss of `camo train` for four synthetic photographs, in training (batch norms use the
batch) without drop path, dropout and noise of routers.  A network with routers runs once for each expert, with a balance
that sends every row to it, and the losses are added: so each parameter has a gradient.  The reference is PyTorch in f64.
For every parameter, the largest difference is divided by the largest number:

    f64  Camo must be within 1e-9; within 1e-7 for EdgeNeXt, whose codes of positions are f32 in both
    f32  with weights that make kinks harmless (move_apart), Camo must be within 1e-4; within 2e-3 for EfficientNet-Lite,
         whose batch norms amplify rounding in f64 as in f32, and in PyTorch

Of hundreds of thousands of units near 0 some switch by rounding alone, in PyTorch's own f32 too; so f32 with the other
weights is printed but has no rule.  A bias before a batch norm, or of the keys of attention, has a gradient that is 0 but
for rounding: in f64 below 1e-10 of the largest of the network.  There the difference is divided by 1 % of that largest.

Needs torch, timm, numpy, safetensors and Pillow; model.py needs torch alone.  Exit status 0: all as expected.
"""

import argparse
import importlib.util
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import torch
from loss import camoxpert_loss
from parity import BEFORE_RELU6
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

TOLERANCE = 1e-5  # of probabilities
SMALL = "pvt_v2_b0"
CASES = {  # flags of camo train
    "sparse": {},
    "cod": {"model": "camoxpert-cod"},
    "cod_edgenext": {"model": "camoxpert-cod", "backbone": "edgenext_xx_small"},
    "single": {"model": "camoxpert-single"},
    "generic": {"model": "camoxpert", "attention-pool": "8"},
    "generic_linear": {"model": "camoxpert", "attention": "linear", "attention-pool": "0"},
    "pool": {"pool": "texture,texture,edge,hybrid", "chosen": "3"},
    "generic_pool": {"model": "camoxpert", "pool": "context,contrast,attention", "chosen": "1"},
    "tile": {"router": "routing=tile,tile=4,weights=all,temperature=0.7,clamp=3,balancing=proportional,leak=0.1,limit=1"},
    "losses": {"router": "balancing=auxiliary,warmup=3,z-loss=0.001,entropy=0.01,noise=0.1"},
    "average": {"router": "average=0.5"},
    "fixed": {"router": "balancing=none", "normalisation": "lite", "drop-path": "0"},
    "pvt_b2_li": {"backbone": "pvt_v2_b2_li"},
    "edgenext": {"backbone": "edgenext_xx_small"},
    "edgenext_small": {"backbone": "edgenext_small", "model": "camoxpert-single"},
    "swin": {"backbone": "swin_tiny", "size": "96x160", "model": "camoxpert-single"},
    "convnext": {"backbone": "convnext_tiny", "model": "camoxpert-single"},
    "lite": {"backbone": "efficientnet_lite0"},
    "lite2": {"backbone": "efficientnet_lite2", "model": "camoxpert"},
}
SIZES = [(2, 64, 64), (1, 96, 160), (1, 75, 101)]


def call(*words, **environment):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def weights_of(file):
    """The tensors of a file, and its metadata."""
    with safe_open(file, "pt") as opened:
        about = {key: value for key, value in opened.metadata().items() if "crc32" not in key}
    return load_file(file), about


def scramble(source, target, seed):
    """Copies the weights of a network and changes what starts as a constant or nearly so."""
    (tensors, about), random = weights_of(source), torch.Generator().manual_seed(seed)
    for name, x in tensors.items():
        noise = torch.randn(x.shape, generator=random)
        last = name.rsplit(".", 1)[-1]
        if last in ("gamma", "gamma_xca"):
            tensors[name] = 0.3 + 0.1 * noise
        elif last in ("relative_position_bias_table", "temperature"):
            tensors[name] = x + 0.5 * noise.abs()
        elif last == "running_var":
            tensors[name] = x * (0.3 * noise).exp()
        elif last in ("bias", "running_mean", "balance"):
            tensors[name] = x + 0.1 * noise
        elif name.endswith("router.gate.weight"):
            tensors[name] = x + 0.3 * noise
        elif x.dtype == torch.float32:
            tensors[name] = x * (1 + 0.1 * noise)
    save_file(tensors, target, about)


def move_apart(source, target, backbone):
    """Copies the weights of a network and makes its kinks harmless.

    The units before a ReLU (or ReLU6) move away from 0 (and 6), and little depends on |x| in the edge experts.
    """
    (tensors, about), random = weights_of(source), torch.Generator().manual_seed(1)
    for name, x in tensors.items():
        before_relu = re.match(r"(decoder|heads)\..*norm\.", name)
        before_relu6 = "_lite" in backbone and BEFORE_RELU6.match(name.removeprefix("backbone."))
        if name.endswith("mlp.fc1.bias") and backbone.endswith("_li"):
            tensors[name] = x + 8 * x.sign()
        elif name.endswith((".curve.conv.weight", ".edges.second.conv.weight")):
            tensors[name] = 1e-3 * x
        elif name.endswith("weight") and (before_relu or before_relu6):
            tensors[name] = 0.25 * x
        elif name.endswith("bias") and (before_relu or before_relu6):
            places = torch.tensor([2.0, 2.0, 2.0, -2.0] if before_relu else [3.0, 3.0, 10.0, -4.0])
            tensors[name] = x + places[torch.randint(0, 4, x.shape, generator=random)]
    save_file(tensors, target, about)


def export(flags, camo, folder):
    """The folder of PyTorch, and the second set of weights."""
    shutil.rmtree(folder / "python", ignore_errors=True)
    call(camo, "export", "--weights", folder / "network.safetensors", "--to", "pytorch", "--out", folder / "python")
    move_apart(folder / "network.safetensors", folder / "apart.safetensors", flags.get("backbone", SMALL))


def prepare(name, flags, camo, folder):
    flags = {"model": "camoxpert-sparse", "backbone": SMALL, "size": "64", **flags}
    words = [w for key, value in flags.items() for w in (f"--{key}", value)]
    call(camo, "train", "--data", "synthetic", "--count", 16, "--epochs", 1, "--out", folder / "run", "--threads", 1,
         "--batch-size", 4, *words)  # fmt: skip
    call(camo, "export", "--weights", folder / "run", "--out", folder / "trained.safetensors")
    scramble(folder / "trained.safetensors", folder / "network.safetensors", seed=len(name))
    export(flags, camo, folder)
    random = torch.Generator().manual_seed(1)
    save_file({f"x{i}": torch.randn(b, 3, h, w, generator=random) for i, (b, h, w) in enumerate(SIZES)},
              folder / "x.safetensors")  # fmt: skip
    grid = np.random.default_rng(3).integers(0, 256, (23, 31, 3), dtype=np.uint8)
    Image.fromarray(grid).resize((131, 90), Image.BICUBIC).save(folder / "photograph.png")
    write_batch(module_of(folder, name), folder, camo)
    shutil.rmtree(folder / "predicted", ignore_errors=True)
    call(camo, "predict", "--weights", folder / "network.safetensors", folder / "photograph.png", "--out",
         folder / "predicted")  # fmt: skip


def write_batch(module, folder, camo):
    """Synthetic photographs of the network's size, normalised, and their masks."""
    call(camo, "synth", "--out", folder / "synth", "--count", 4, "--size", "x".join(map(str, module.SIZE)))
    files = sorted((folder / "synth/Image").iterdir())
    image = torch.cat([module.normalised(np.array(Image.open(file))) for file in files])
    mask = torch.stack([torch.tensor(np.array(Image.open(folder / "synth/GT" / file.name)) > 127) for file in files])
    save_file({"image": image, "mask": mask[:, None].float()}, folder / "batch.safetensors")


def module_of(folder, name):
    spec = importlib.util.spec_from_file_location("model_" + name, folder / "python/model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def every_map(out):
    """What a network returns in training, by the names of maps_test.cpp."""
    maps = {key: out[key] for key in ("logits", "search", "reverse", "uncertainty") if key in out}
    for key in ("deep", "steps"):
        maps.update({f"{key}{i}": y for i, y in enumerate(out.get(key, ()))})
    return maps


def largest(x):
    """The largest size of a number; infinity if one is none."""
    return x.abs().nan_to_num(nan=math.inf).max().item()


def map_gap(name, a, b):
    """The largest difference of a probability; of uncertainty and loss, which are none, themselves."""
    if not name.startswith(("uncertainty", "loss")):
        a, b = a.sigmoid(), b.sigmoid()
    return largest(a - b)


def compare_maps(network, folder):
    """The largest difference in the logits and in the other maps; the spread of the logits' probabilities."""
    inputs, maps = load_file(folder / "x.safetensors"), load_file(folder / "maps.safetensors")
    gaps = {"logits": 0.0, "more": 0.0}
    for name, x in inputs.items():
        with torch.no_grad():
            logits = network(x)
            for module in network.modules():  # all maps, computed as in evaluation
                module.training, module.aux_loss = module is network, 0.0
            more = network(x)
            network.eval()
        for key, y in {**every_map(more), "logits": logits}.items():
            kind = "logits" if key == "logits" else "more"
            gaps[kind] = max(gaps[kind], map_gap(key, y, maps[f"{key}.{name}"]))
    return gaps, maps["logits.x0"].sigmoid().std().item(), maps["seconds"].item()


def routers_of(network):
    return [scale.mixture.router for scale in network.scales if hasattr(scale, "mixture")]


def passes(network, module, image, mask):
    """passes() of maps_test.cpp: maps, losses and gradients by the same names."""
    network.train()
    module.NOISE = 0
    for part in network.modules():
        if isinstance(part, module.DropPath):
            part.rate = 0
        elif isinstance(part, torch.nn.Dropout):
            part.p = 0
    routers, out = routers_of(network), {}
    balance = [router.balance.clone() for router in routers]
    for e in range(len(balance[0]) if routers else 1):
        for router, b in zip(routers, balance):
            router.balance.copy_(b)
            router.balance[e] += 100
        maps = network(image)
        loss = camoxpert_loss(maps, mask)
        loss.backward()
        out.update({f"{key}.{e}": y.detach() for key, y in every_map(maps).items()})
        out[f"loss.{e}"] = loss.detach().reshape(1)
    out.update({f"gradient.{name}": p.grad for name, p in network.named_parameters() if p.grad is not None})
    return out


def allowed(name):
    """The largest gaps of gradients, in f64 and f32."""
    return 1e-7 if "edgenext" in name else 1e-9, 2e-3 if "lite" in name else 1e-4


def compare_gradients(module, folder, weights):
    """The largest gaps from the reference by where they were computed; its gradients; how many are 0 but for rounding."""
    batch = load_file(folder / "batch.safetensors")

    def passes_in(dtype):
        network = module.load(folder / "python")
        network.load_state_dict(load_file(folder / f"{weights}.safetensors"))
        return passes(network.to(dtype), module, batch["image"].to(dtype), batch["mask"].to(dtype))

    truth = passes_in(torch.float64)
    sides = {"Camo f32": load_file(folder / f"{weights}_f32.safetensors"), "torch f32": passes_in(torch.float32),
             "Camo f64": load_file(folder / f"{weights}_f64.safetensors")}  # fmt: skip
    scale = {name: largest(x) for name, x in truth.items() if name.startswith("gradient.")}
    most = max(scale.values())
    none = [name for name in scale if scale[name] < 1e-10 * most]
    scale.update((name, 0.01 * most) for name in none)
    gaps = {}
    for side, out in sides.items():
        assert out.keys() == truth.keys(), f"{side}: {sorted(out.keys() ^ truth.keys())}"
        far = {name: largest(out[name] - truth[name]) / scale[name] for name in scale}
        worst = max(far, key=far.get)
        maps = max(map_gap(name, out[name], x) for name, x in truth.items() if name not in scale)
        gaps[side] = {"maps": maps, "gradients": far[worst], "worst": worst}
    return gaps, {name.removeprefix("gradient."): truth[name] for name in scale}, len(none)


def train(network):
    """The loss before and after a step of SGD on 8 images."""
    random = torch.Generator().manual_seed(2)
    x, mask = torch.randn(8, 3, 64, 64, generator=random), torch.zeros(8, 1, 64, 64)
    mask[:, :, 16:48, 8:40] = 1
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)

    def loss_now():
        torch.manual_seed(4)
        return camoxpert_loss(network(x), mask)

    before = loss_now()
    before.backward()
    optimizer.step()
    if hasattr(network, "after_step"):
        routers = routers_of(network)
        balance = [router.balance.clone() for router in routers]
        network.after_step()
        moved = any(not b.equal(router.balance) for b, router in zip(balance, routers))
        assert moved == ("RATE" in sys.modules[type(network).__module__].__dict__), "balance"
        for router, b in zip(routers, balance):
            router.balance.copy_(b)
    after = loss_now()
    network.eval()
    return before.item(), after.item()


def seconds(network, x):
    """The least time of the processor, as in maps_test.cpp."""
    times = []
    with torch.no_grad():
        for _ in range(5):
            begin = time.process_time()
            network(x)
            times.append(time.process_time() - begin)
    return min(times)


def check(name, folder):
    module = module_of(folder, name)
    sys.modules[module.__name__] = module
    network = module.load(folder / "python")
    maps, spread, camo_seconds = compare_maps(network, folder)
    torch_seconds = seconds(network, load_file(folder / "x.safetensors")["x0"])
    photograph = np.asarray(Image.open(folder / "photograph.png"))
    bytes_here = (module.predict(photograph, network) * 255).round().byte().numpy()
    bytes_camo = np.asarray(Image.open(folder / "predicted/map/photograph.png"))
    off = np.abs(bytes_here.astype(int) - bytes_camo)
    network.train()
    floats = module.predict(torch.from_numpy(photograph.copy()) / 255, network)
    kept_training = network.training
    before, after = train(network)
    gaps, gradients, none = compare_gradients(module, folder, "network")
    apart, _, _ = compare_gradients(module, folder, "apart")
    far = [(gaps["Camo f64"], allowed(name)[0]), (apart["Camo f32"], allowed(name)[1])]
    one_chosen = CASES[name].get("chosen") == "1"  # its weight is always 1, whatever the router says
    wrong = {
        "no gradient": [p for p, _ in network.named_parameters() if p not in gradients or not gradients[p].isfinite().all()],
        "zero gradient": [p for p, x in gradients.items() if not x.any() and not (one_chosen and ".mixture.router." in p)],
        "too far": [of["worst"] for of, most in far if of["gradients"] > most],
    }  # fmt: skip
    good = max(*maps.values(), apart["Camo f32"]["maps"]) < TOLERANCE and off.max() <= 1
    good = good and gaps["Camo f32"]["maps"] < max(TOLERANCE, 2 * gaps["torch f32"]["maps"])
    good = good and not any(wrong.values()) and after < before and kept_training
    good = good and (floats * 255).round().byte().numpy().tolist() == bytes_here.tolist()
    lines = len((folder / "python/model.py").read_text().splitlines())
    row = [name, lines, f"{maps['logits']:.1e}", f"{maps['more']:.1e}", f"{spread:.2f}", f"{off.max()} ({off.astype(bool).mean():.1%})",
           f"{len(gradients)}, {none}"]  # fmt: skip
    row += [", ".join(format(of["Camo f32"][what], ".1e") for of in (gaps, apart)) for what in ("maps", "gradients")]
    row += [", ".join(format(of["torch f32"][what], ".1e") for of in (gaps, apart)) for what in ("maps", "gradients")]
    row += [", ".join(format(of["Camo f64"]["gradients"], ".1e") for of in (gaps, apart)), f"{before:.4f} -> {after:.4f}",
            f"{1e3 * camo_seconds:.0f}, {1e3 * torch_seconds:.0f}", "ok" if good else "BAD"]  # fmt: skip
    print("|", " | ".join(map(str, row)), "|", flush=True)
    for what, names in wrong.items():
        if names:
            print(f"    {what}: {', '.join(names[:8])}{' ...' if len(names) > 8 else ''} ({len(names)})", file=sys.stderr)
    return good


def main_works(folder):
    """model.py alone, as a program in a folder of its own, with torch and Pillow."""
    call(sys.executable, folder / "python/model.py", folder / "photograph.png", folder / "map.png")
    here, camo = (np.asarray(Image.open(folder / p)).astype(int) for p in ("map.png", "predicted/map/photograph.png"))
    return np.abs(here - camo).max() <= 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--camo", default="build/camo")
    parser.add_argument("--tests", default="build/tests/camo_tests")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--keep", action="store_true", help="use the runs that are there")
    parser.add_argument("names", nargs="*", default=list(CASES))
    args = parser.parse_args()
    torch.set_num_threads(1)  # as Camo, so that times compare
    for name in args.names:
        folder = args.out / name
        if args.keep and (folder / "network.safetensors").exists():
            export(CASES[name], args.camo, folder)
            continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        prepare(name, CASES[name], args.camo, folder)
    call(args.tests, "--source-file=*export/maps_test*", CAMO_MAPS=str(args.out))
    print("In training: with the weights as they are, then with those of move_apart\n\n"
          "| case | lines | logits | other maps | spread | bytes off | gradients, 0 but for rounding | maps in training: Camo f32 "
          "| gradients: Camo f32 | maps: torch f32 | gradients: torch f32 | gradients: Camo f64 | loss | CPU ms: Camo, torch | |")  # fmt: skip
    print("|" + 15 * "---|")
    good = [check(name, args.out / name) for name in args.names] + [main_works(args.out / args.names[0])]
    print(f"{sum(good)} of {len(good)} as expected")
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
