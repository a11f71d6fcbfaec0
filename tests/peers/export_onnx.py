"""Compares the ONNX files of `camo export --to onnx` with Camo.

For each model, one backbone of each family among them: trains a small run on synthetic photographs, gives norms, biases, gammas
and temperatures values far from their initial ones, exports it, and asks of the file

    form      onnx.checker with full_check
    maps      onnxruntime's map within 1e-4 of the f32 map that `camo features` computes, on 56 synthetic photographs of seven
              sizes (Swin: of one), alone and in batches, with normalisation in the graph; with branches and dense; of one
              network also with --normalise outside --logits --size, of a side that is no multiple of 32
    branches  for one photograph, onnxruntime's profile holds the nodes of exactly those experts whose weight is not 0

With --time, also the time of one photograph of that side in onnxruntime and in `camo bench predict`, both with two threads.
Needs onnx, onnxruntime, numpy, Pillow and safetensors.  Exits 1 if a rule is broken.

    python tests/peers/export_onnx.py --camo build/camo [--time 352] [MODEL:BACKBONE ...]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

NETWORKS = ["camoxpert:pvt_v2_b0", "camoxpert:edgenext_xx_small", "camoxpert-cod:pvt_v2_b0", "camoxpert-sparse:pvt_v2_b0",
            "camoxpert-sparse:pvt_v2_b2_li", "camoxpert-sparse:edgenext_xx_small", "camoxpert-sparse:efficientnet_lite0",
            "camoxpert-sparse:efficientnet_lite0:routing=tile,tile=5", "camoxpert-single:efficientnet_lite0",
            "camoxpert-single:swin_tiny", "camoxpert-single:convnext_tiny"]
SIZES = [(64, 64), (96, 64), (64, 160), (75, 50), (33, 97), (192, 192), (230, 175)]  # height, width
SWIN = (112, 136)
OUTSIDE = "camoxpert-cod:pvt_v2_b0"  # also with --normalise outside --logits --size 75x50
EACH, LIMIT = 8, 1e-4
KEPT = ["format", "camo.weights", "part", "model", "backbone", "config", "normalisation"]


def camo(program, *words):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"camo {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def shake(source, target):
    """Random norms, biases, gammas and temperatures: initial values (1, 0, 1e-6) could hide an error."""
    random = np.random.default_rng(1)
    with safe_open(source, "np") as f:
        about = {k: v for k, v in f.metadata().items() if k in KEPT}
    tensors = load_file(source)
    for name, t in tensors.items():
        if t.dtype != np.float32:
            continue
        if name.endswith("running_var"):
            t = t * random.uniform(0.5, 1.5, t.shape)
        elif "gamma" in name or name.endswith("temperature"):
            t = random.uniform(0.2, 1, t.shape)
        elif name.endswith("bias_table"):
            t = random.normal(0, 1, t.shape)
        elif t.ndim == 1:
            t = t + random.normal(0, 0.2, t.shape)
        tensors[name] = t.astype(np.float32)
    save_file(tensors, target, about)
    return json.loads(about["normalisation"])


def photographs(program, folder, sizes):
    """A list of arrays (EACH, 3, H, W) f32 in [0, 1], one for each size."""
    out = []
    for i, (height, width) in enumerate(sizes):
        where = folder / f"photographs{i}"
        camo(program, "synth", "--out", where, "--count", EACH, "--size", f"{height}x{width}", "--seed", 40 + i)
        pixels = np.stack([np.asarray(Image.open(f).convert("RGB")) for f in sorted((where / "Image").iterdir())])
        assert pixels.shape == (EACH, height, width, 3), pixels.shape
        out.append(pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    return out


def session(path, threads=2, plain=False, profile=None):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_DISABLE_ALL if plain else level.ORT_ENABLE_ALL
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def largest_gap(run, batches, truth):
    """Whole batches, then the first photograph alone."""
    gap = 0.0
    for images, maps in zip(batches, truth):
        gap = max(gap, np.abs(run.run(None, {"image": images})[0] - maps).max())
        gap = max(gap, np.abs(run.run(None, {"image": images[:1]})[0] - maps[:1]).max())
    return gap


def experts_that_ran(path, image, folder):
    """From the profile of a session without optimisations: pairs (scale, expert) whose nodes ran; and those with a weight."""
    with_weights = onnx.load(path)
    weights = [n.output[0] for n in with_weights.graph.node if n.op_type == "ScatterElements"]
    with_weights.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in weights)
    onnx.save(with_weights, folder / "weights.onnx")
    run = session(folder / "weights.onnx", plain=True, profile=folder / "profile")
    values = run.run(weights, {"image": image})
    chosen = {(scale, e) for scale, w in enumerate(values) for e in np.flatnonzero(w.max(0))}
    ran = set()
    for event in json.loads(Path(run.end_profiling()).read_text()):
        parts = event["name"].split("/")[0].split(".")
        if "experts" in parts and event.get("cat") == "Node":
            ran.add((int(parts[1]), int(parts[parts.index("experts") + 1])))
    return ran, chosen


def onnxruntime_milliseconds(run, size):
    image, times = np.random.default_rng(0).uniform(0, 1, (1, 3, size, size)).astype(np.float32), []
    for _ in range(13):
        start = time.perf_counter()
        run.run(None, {"image": image})
        times.append(time.perf_counter() - start)
    return np.median(times[3:]) * 1e3


def camo_milliseconds(program, model, backbone, size):
    """The median that `camo bench predict` prints for one photograph."""
    lines = camo(program, "bench", "predict", "--model", model, "--backbone", backbone, "--size", size, "--threads", 2, "--count", 10)
    return float(next(line.split()[1] for line in lines.split("\n") if line.split()[:1] == ["1"]))


def best_of_rounds(path, program, model, backbone, size):
    """Both in turn, five times: the smaller medians, because other work on the machine only adds time."""
    run = session(path)
    rounds = [(onnxruntime_milliseconds(run, size), camo_milliseconds(program, model, backbone, size)) for _ in range(5)]
    return [f"{min(times):.0f}" for times in zip(*rounds)]


def outside_gap(program, folder, images, normal, truth):
    """The same map from normalised photographs of a fixed size that is no multiple of 32, as logits."""
    size, path = f"{images.shape[2]}x{images.shape[3]}", folder / "outside.onnx"
    camo(program, "export", "--weights", folder / "w.safetensors", "--to", "onnx", "--normalise", "outside", "--logits", "--size", size,
         "--out", path)
    onnx.checker.check_model(str(path), full_check=True)
    logits = session(path).run(None, {"image": normal(images).astype(np.float32)})[0]
    return np.abs(1 / (1 + np.exp(-logits)) - truth).max()


def check(program, words, folder, time_size):
    model, backbone, *router = words.split(":")
    swin = backbone.startswith("swin")
    sizes = [SWIN] * len(SIZES) if swin else SIZES
    camo(program, "train", "--data", "synthetic", "--count", 16, "--size", f"{SWIN[0]}x{SWIN[1]}" if swin else 64, "--epochs", 1,
         "--model", model, "--backbone", backbone, "--out", folder / "run", *(["--router", router[0]] if router else []))
    camo(program, "export", "--weights", folder / "run", "--out", folder / "trained.safetensors")
    norm = shake(folder / "trained.safetensors", folder / "w.safetensors")

    batches, truth = photographs(program, folder, sizes), []
    mean, deviation = (np.array(norm[k], np.float32).reshape(3, 1, 1) for k in ("mean", "deviation"))

    def normal(images):
        return np.ascontiguousarray((images - mean) / deviation)

    for images in batches:
        save_file({"x": normal(images)}, folder / "x.safetensors")
        camo(program, "features", "--weights", folder / "w.safetensors", "--input", folder / "x.safetensors", "--out",
             folder / "y.safetensors")
        truth.append(load_file(folder / "y.safetensors")["map"])

    gaps, mixed = {}, model in ("camoxpert", "camoxpert-sparse")
    if words == OUTSIDE:
        gaps["outside"] = outside_gap(program, folder, batches[3], normal, truth[3])
    for mixture in ["branches", "dense"] if mixed else ["branches"]:
        path = folder / f"{mixture}.onnx"
        camo(program, "export", "--weights", folder / "w.safetensors", "--to", "onnx", "--mixture", mixture, "--out", path)
        onnx.checker.check_model(str(path), full_check=True)
        gaps[mixture] = largest_gap(session(path), batches, truth)
    ran, chosen = experts_that_ran(folder / "branches.onnx", batches[-1][:1], folder) if mixed else (set(), set())
    path = folder / "branches.onnx"
    spread = np.mean([m.std() for m in truth])
    times = ["", ""]
    if time_size and not router:
        if swin:
            camo(program, "export", "--weights", folder / "w.safetensors", "--to", "onnx", "--size", time_size, "--out", folder / "t.onnx")
        times = best_of_rounds(folder / "t.onnx" if swin else path, program, model, backbone, time_size)
    print(f"| {words.replace(':', ' ')} | {path.stat().st_size / 1e6:.1f} | {gaps['branches']:.1e} | "
          f"{format(gaps['dense'], '.1e') if mixed else ''} | {spread:.2f} | "
          f"{f'{len(ran)} of {len(chosen)} chosen' if mixed else ''} | {times[0]} | {times[1]} |", flush=True)
    return max(gaps.values()) <= LIMIT and ran == chosen and spread > 0.01


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--camo", default="build/camo")
    parser.add_argument("--time", type=int, default=0, help="side of the photograph for the times; 0: none")
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    args = parser.parse_args()
    print("| network | MB | gap, branches | gap, dense | deviation of a map | experts that ran | onnxruntime ms | Camo ms |")
    print("|---|---|---|---|---|---|---|---|")
    good = True
    for words in args.networks:
        with tempfile.TemporaryDirectory() as folder:
            good = check(args.camo, words, Path(folder), args.time) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
