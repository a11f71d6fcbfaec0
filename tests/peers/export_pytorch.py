"""Compares what `camo export --to pytorch` writes with Camo: maps, strict loading, gradients, a step of training.

    python tests/peers/export_pytorch.py --camo build/camo --tests build/tests/camo_tests --out FOLDER [NAME ...]

Each case is a run of one epoch on synthetic pictures, whose weights are then made larger and odder (layer scales, tables
of positions, statistics of batch norms and balances all differ from their first values), so that every part counts.
Camo's maps are those of tests/export/maps_test.cpp.  Needs torch, numpy, safetensors and Pillow; model.py needs torch
alone.  Exit status 0: all as expected.
"""

import argparse
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

TOLERANCE = 1e-5  # of probabilities
SMALL = "pvt_v2_b0"
CASES = {  # flags of camo train
    "sparse": {},
    "cod": {"model": "camoxpert-cod"},
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


def scramble(source, target, seed):
    """Copies the weights of a network and changes what starts as a constant or nearly so."""
    with safe_open(source, "pt") as file:
        about = {key: value for key, value in file.metadata().items() if "crc32" not in key}
    tensors, random = load_file(source), torch.Generator().manual_seed(seed)
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


def prepare(name, flags, camo, folder):
    flags = {"model": "camoxpert-sparse", "backbone": SMALL, "size": "64", **flags}
    words = [w for key, value in flags.items() for w in (f"--{key}", value)]
    call(camo, "train", "--data", "synthetic", "--count", 16, "--epochs", 1, "--out", folder / "run", "--threads", 1,
         "--batch-size", 4, *words)  # fmt: skip
    call(camo, "export", "--weights", folder / "run", "--out", folder / "trained.safetensors")
    scramble(folder / "trained.safetensors", folder / "network.safetensors", seed=len(name))
    call(camo, "export", "--weights", folder / "network.safetensors", "--to", "pytorch", "--out", folder / "python")
    random = torch.Generator().manual_seed(1)
    save_file({f"x{i}": torch.randn(b, 3, h, w, generator=random) for i, (b, h, w) in enumerate(SIZES)},
              folder / "x.safetensors")  # fmt: skip
    grid = np.random.default_rng(3).integers(0, 256, (23, 31, 3), dtype=np.uint8)
    Image.fromarray(grid).resize((131, 90), Image.BICUBIC).save(folder / "photograph.png")
    shutil.rmtree(folder / "predicted", ignore_errors=True)
    call(camo, "predict", "--weights", folder / "network.safetensors", folder / "photograph.png", "--out",
         folder / "predicted")  # fmt: skip


def module_of(folder, name):
    spec = importlib.util.spec_from_file_location("model_" + name, folder / "python/model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compare_maps(network, folder):
    """The largest difference of a probability in the logits and in the other maps; the spread of the logits' own."""
    inputs, maps = load_file(folder / "x.safetensors"), load_file(folder / "maps.safetensors")
    gaps = {"logits": 0.0, "more": 0.0}
    for name, x in inputs.items():
        with torch.no_grad():
            out = {"logits": network(x)}
            for module in network.modules():  # all maps, computed as in evaluation
                module.training, module.aux_loss = module is network, 0.0
            more = network(x)
            network.eval()
        for i, side in enumerate(more["deep"]):
            out[f"deep{i}"] = side
        out.update({key: more[key] for key in ("search", "reverse") if key in more})
        for key, y in out.items():
            gap = (y.sigmoid() - maps[f"{key}.{name}"].sigmoid()).abs().max().item()
            kind = "logits" if key == "logits" else "more"
            gaps[kind] = max(gaps[kind], gap)
    return gaps, maps["logits.x0"].sigmoid().std().item(), maps["seconds"].item()


def every_map(out):
    yield from (out[key] for key in ("logits", "search", "reverse") if key in out)
    yield from (*out["deep"], *out.get("steps", ()))


def loss_of(out, mask):
    loss = out.get("aux_loss", 0.0)
    for y in every_map(out):
        target = F.adaptive_avg_pool2d(mask, y.shape[2:])
        loss = loss + F.binary_cross_entropy_with_logits(y, target)
    return loss + 0.1 * out["uncertainty"].mean() if "uncertainty" in out else loss


def train(network):
    """Parameters without gradient, the loss before and after a step on 8 images."""
    random = torch.Generator().manual_seed(2)
    x, mask = torch.randn(8, 3, 64, 64, generator=random), torch.zeros(8, 1, 64, 64)
    mask[:, :, 16:48, 8:40] = 1
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    routers = [scale.mixture.router for scale in network.scales if hasattr(scale, "mixture")]

    def loss_now():
        torch.manual_seed(4)
        return loss_of(network(x), mask)

    before = loss_now()
    before.backward()
    alone = {name for name, p in network.named_parameters() if p.grad is None}
    for e in range(len(routers[0].balance) if routers else 0):  # every expert gets a turn
        saved = [router.balance.clone() for router in routers]
        for router in routers:
            router.balance[e] += 100
        loss_now().backward()
        for router, balance in zip(routers, saved):
            router.balance.copy_(balance)
    none = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    zero = [name for name, p in network.named_parameters() if p.grad is not None and not p.grad.any()]
    optimizer.zero_grad()
    loss_now().backward()
    optimizer.step()
    if hasattr(network, "after_step"):
        balance = [router.balance.clone() for router in routers]
        network.after_step()
        moved = any(not b.equal(router.balance) for b, router in zip(balance, routers))
        assert moved == ("RATE" in sys.modules[type(network).__module__].__dict__), "balance"
        for router, b in zip(routers, balance):
            router.balance.copy_(b)
    after = loss_now()
    network.eval()
    return alone, none, zero, before.item(), after.item()


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
    gaps, spread, camo_seconds = compare_maps(network, folder)
    torch_seconds = seconds(network, load_file(folder / "x.safetensors")["x0"])
    photograph = np.asarray(Image.open(folder / "photograph.png"))
    bytes_here = (module.predict(photograph, network) * 255).round().byte().numpy()
    bytes_camo = np.asarray(Image.open(folder / "predicted/map/photograph.png"))
    off = np.abs(bytes_here.astype(int) - bytes_camo)
    network.train()
    floats = module.predict(torch.from_numpy(photograph.copy()) / 255, network)
    kept_training = network.training
    alone, none, zero, before, after = train(network)
    one_chosen = CASES[name].get("chosen") == "1"  # its weight is always 1, whatever the router says
    zero = [name for name in zero if not (one_chosen and ".mixture.router." in name)]
    good = max(gaps.values()) < TOLERANCE and off.max() <= 1 and not none and not zero and after < before and kept_training
    good = good and (floats * 255).round().byte().numpy().tolist() == bytes_here.tolist()
    lines = len((folder / "python/model.py").read_text().splitlines())
    print(f"| {name} | {lines} | {gaps['logits']:.1e} | {gaps['more']:.1e} | {spread:.2f} | {off.max()} ({off.astype(bool).mean():.1%}) "
          f"| {len(list(network.parameters()))}, {len(alone)}, {len(none)} | {before:.4f} -> {after:.4f} "
          f"| {1e3 * camo_seconds:.0f}, {1e3 * torch_seconds:.0f} | {'ok' if good else 'BAD'} |", flush=True)  # fmt: skip
    for what, names in (("no gradient", none), ("zero gradient", zero)):
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
            shutil.rmtree(folder / "python", ignore_errors=True)
            call(args.camo, "export", "--weights", folder / "network.safetensors", "--to", "pytorch", "--out",
                 folder / "python")  # fmt: skip
            continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        prepare(name, CASES[name], args.camo, folder)
    call(args.tests, "--source-file=*export/maps_test*", CAMO_MAPS=str(args.out))
    print("| case | lines | logits | other maps | spread | bytes off | parameters, idle at first, never reached | loss | CPU ms: Camo, torch | |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    good = [check(name, args.out / name) for name in args.names] + [main_works(args.out / args.names[0])]
    print(f"{sum(good)} of {len(good)} as expected")
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
