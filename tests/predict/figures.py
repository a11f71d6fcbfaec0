#!/usr/bin/env python3
"""Measures on CAMO what views, several networks, averaged weights, the CRF and the guided filter gain, and what they cost.

    figures.py CAMO_PROGRAM CAMO_FOLDER WEIGHTS OUT

Trains four networks from the ImageNet weights of EfficientNet-Lite0 (a: 20 minutes on 2 cores; d: another model and size;
s2, s3: four more epochs of a with other seeds, their last weights: another seed holds other photographs out, some of which
a has trained on, so their best epoch means nothing), then scores every combination on the test photographs and prints one
table: means, differences to the plain network with 95 % intervals (camo compare), milliseconds a photograph.  Networks
that OUT holds already are not trained again.
"""
import json
import pathlib
import re
import subprocess
import sys
import time

COMMON = "--backbone-rate 0.3 --ema-decay 0.998 --precision bf16 --cache memory --monitor MAE"
MEASURES = ["IoU", "S", "F_weighted", "MAE"]


def camo(program, words):
    done = subprocess.run([program, *words.split()], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"camo {words}\n{done.stdout}{done.stderr}")
    return done.stdout


def train(program, data, weights, out):
    begin = f"train --data {data} --backbone efficientnet_lite0 {COMMON}"
    runs = {
        "a": f"{begin} --weights {weights} --size 288 --epochs 15 --lr 8e-4",
        "d": f"{begin} --weights {weights} --model camoxpert-single --size 320 --epochs 13 --lr 8e-4",
        "s2": f"train --data {data} {COMMON} --weights {out}/a --epochs 4 --lr 3e-4 --seed 2",
        "s3": f"train --data {data} {COMMON} --weights {out}/a --epochs 4 --lr 3e-4 --seed 3",
    }
    for name, words in runs.items():
        if (out / name).exists():
            continue
        start = time.time()
        camo(program, f"{words} --out {out}/{name}")
        print(f"trained {name} in {(time.time() - start) / 60:.1f} minutes: camo {words}", flush=True)
    camo(program, f"soup {out}/a {out}/s2/last.safetensors {out}/s3/last.safetensors --out {out}/soup.safetensors")
    print(camo(program, f"tune-crf --weights {out}/a"), flush=True)


def variants(out):
    # What tune-crf found holds for the plain view; the same settings are taken for other maps.
    crf = json.loads((out / "a/best.refinement.jsonl").read_text().splitlines()[0])["refine"]
    a, d, s2, s3 = (f"--weights {out}/{name}" for name in ("a", "d", "s2/last.safetensors", "s3/last.safetensors"))
    return {
        "plain": a,
        "flip": f"{a} --tta flip",
        "scales": f"{a} --tta scales=0.75:1:1.25",
        "flip, scales": f"{a} --tta flip,scales=0.75:1:1.25",
        "rotate": f"{a} --tta rotate",
        "flip, scales, rotate": f"{a} --tta flip,scales=0.75:1:1.25,rotate",
        "guided filter": f"{a} --refine guided",
        "CRF, tuned": f"{a} --refine tuned",
        "a second run (s2)": s2,
        "another network (d)": d,
        "a, s2, s3: logits": f"{a} {s2} {s3}",
        "a, s2, s3: weights (soup)": f"--weights {out}/soup.safetensors",
        "a, d: logits": f"{a} {d}",
        "a, d: probabilities": f"{a} {d} --mean probabilities",
        "flip, scales, CRF": f"{a} --tta flip,scales=0.75:1:1.25 --refine {crf}",
        "a, d, flip, scales": f"{a} {d} --tta flip,scales=0.75:1:1.25",
        "a, d, flip, scales, guided": f"{a} {d} --tta flip,scales=0.75:1:1.25 --refine guided",
    }


def main():
    program, data, weights, out = sys.argv[1:5]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    train(program, data, weights, out)
    print("| | " + " | ".join(MEASURES) + " | ms networks | ms refinement |\n" + "|---" * (len(MEASURES) + 3) + "|")
    for number, (name, flags) in enumerate(variants(out).items()):
        csv = out / f"v{number}.csv"
        said = camo(program, f"eval {flags} --data {data} --split Test --csv {csv} --time")
        network, refinement = re.search(r"([\d.]+) ms a photograph for the networks, ([\d.]+) ms", said).groups()
        camo(program, f"compare {csv} {out}/v0.csv --out {out}/compare.json")
        found = json.loads((out / "compare.json").read_text())
        cells = []
        for measure in MEASURES:
            mean, _, difference, low, high = found[measure][:5]
            star = "*" if low > 0 or high < 0 else ""
            cells.append(f"{mean:.3f}" + (f" ({difference:+.3f}: {low:+.3f} to {high:+.3f}){star}" if number else ""))
        print(f"| {name} | " + " | ".join(cells) + f" | {network} | {refinement} |", flush=True)


if __name__ == "__main__":
    main()
