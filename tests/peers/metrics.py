"""Compares every measure of `camo eval` with PySODMetrics, per image and over the set.

The pairs have odd sizes: random ones, degenerate ones (perfect, inverted, constant, empty, full, one pixel, centroid at
the border, maps of few levels), and real masks from CAMO_DATA/camo under maps of several kinds.

    python tests/peers/metrics.py --camo build/camo        # needs pysodmetrics, Pillow; exit status 0: all equal

Two cases of the S-measure are ill-defined in PySODMetrics and exact in Camo (s_measure.cpp): a block without pixels,
whose score is not a number, and a block that is constant in map and mask, where the rounding of a mean decides between
0 and 1.  For these the expected value is PySODMetrics' own with the two blocks corrected, and the pairs are counted.
"""

import argparse
import collections
import csv
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from PIL import Image

warnings.filterwarnings("ignore")
import py_sod_metrics as sod  # noqa: E402

TOLERANCE = 1e-9


class ExactS(sod.Smeasure):
    """The S-measure with the two blocks corrected; records which kinds it met."""

    def __init__(self):
        super().__init__()
        self.met = set()

    def ssim(self, pred, gt):
        if pred.size == 0:
            self.met.add("without pixels")
            return 0.0
        score = super().ssim(pred, gt)
        if pred.min() == pred.max() and gt.min() == gt.max() and score != 1:
            self.met.add("constant")
            return 1.0
        return score


def binary(handler):
    return handler(with_dynamic=False, with_adaptive=False, with_binary=True, sample_based=True)


class Peer:
    """All measures of PySODMetrics over a list of pairs."""

    def __init__(self):
        self.s, self.e, self.w, self.mae = ExactS(), sod.Emeasure(), sod.WeightedFmeasure(), sod.MAE()
        self.f = sod.FmeasureV2(
            {
                "f": sod.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3),
                "IoU": binary(sod.IOUHandler),
                "Dice": binary(sod.DICEHandler),
                "precision": binary(sod.PrecisionHandler),
                "recall": binary(sod.RecallHandler),
            }
        )

    def step(self, pred, gt):
        for measure in (self.s, self.e, self.w, self.mae, self.f):
            measure.step(pred, gt)

    def results(self):
        e, f = self.e.get_results()["em"], self.f.get_results()
        out = {
            "S": self.s.get_results()["sm"],
            "E_mean": e["curve"].mean(),
            "E_max": e["curve"].max(),
            "E_adaptive": e["adp"],
            "F_weighted": self.w.get_results()["wfm"],
            "F_mean": f["f"]["dynamic"].mean(),
            "F_max": f["f"]["dynamic"].max(),
            "F_adaptive": f["f"]["adaptive"],
            "MAE": self.mae.get_results()["mae"],
        }
        out.update({name: f[name]["binary"] for name in ("IoU", "Dice", "precision", "recall")})
        return {name: float(value) for name, value in out.items()}


def blobs(random, h, w, pieces):
    """A mask of some ellipses and rectangles."""
    y, x = np.mgrid[:h, :w]
    mask = np.zeros((h, w), bool)
    for _ in range(pieces):
        cy, cx = random.uniform(0, h), random.uniform(0, w)
        ry, rx = random.uniform(0.5, h / 3 + 1), random.uniform(0.5, w / 3 + 1)
        if random.random() < 0.5:
            mask |= ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1
        else:
            mask |= (abs(y - cy) <= ry) & (abs(x - cx) <= rx)
    return mask


def smooth(a, steps):
    for _ in range(steps):
        a = (a + np.roll(a, 1, 0) + np.roll(a, -1, 0) + np.roll(a, 1, 1) + np.roll(a, -1, 1)) / 5
    return a


def guess(random, mask, kind):
    """A map for a mask as a good or bad network might predict it."""
    h, w = mask.shape
    noise = random.random((h, w))
    shifted = np.roll(mask, (random.integers(-h // 4, h // 4 + 1), random.integers(-w // 4, w // 4 + 1)), (0, 1))
    kinds = {
        "soft": lambda: smooth(0.8 * shifted + 0.2 * noise, 4),
        "noise": lambda: noise,
        "dim": lambda: 0.2 + 0.3 * smooth(mask + 0.5 * noise, 2),
        "levels": lambda: np.floor(4 * smooth(0.6 * mask + 0.4 * noise, 2)) / 4,
        "hard": lambda: (smooth(shifted + 0.3 * noise, 3) > 0.5).astype(float),
    }
    a = kinds[kind]()
    return (np.clip(a, 0, 1) * 255).round().astype(np.uint8)


KINDS = ("soft", "noise", "dim", "levels", "hard")


def random_pairs(random, count):
    for i in range(count):
        h, w = random.integers(1, 25, 2) if i % 3 == 0 else random.integers(25, 130, 2)
        mask = blobs(random, h, w, random.integers(1, 5)) if i % 4 else random.random((h, w)) < random.random() ** 2
        grey = np.where(mask, 255, 0).astype(np.uint8)
        if i % 5 == 0:  # masks with soft edges, some exactly at 128
            grey = np.where(random.random((h, w)) < 0.2, random.choice([127, 128, 129], (h, w)), grey).astype(np.uint8)
        yield f"random_{i:03}_{KINDS[i % 5]}", guess(random, grey > 128, KINDS[i % 5]), grey


def degenerate_pairs(random):
    for h, w in ((1, 1), (1, 7), (9, 1), (2, 3), (13, 21), (67, 45)):
        one, corner = np.zeros((h, w), bool), np.zeros((h, w), bool)
        one[h // 2, w // 3] = corner[h - 1, w - 1] = True
        bottom, right, edge = np.zeros((h, w), bool), np.zeros((h, w), bool), np.zeros((h, w), bool)
        bottom[h - 1:], right[:, w - 1:], edge[0] = True, True, True
        masks = {
            "empty": np.zeros((h, w), bool), "full": np.ones((h, w), bool), "one": one, "corner": corner,
            "bottom": bottom, "right": right, "top": edge, "blob": blobs(random, h, w, 2),
            "checkers": np.indices((h, w)).sum(0) % 2 == 0,
        }
        for name, mask in masks.items():
            grey = mask.astype(np.uint8) * 255
            maps = {
                "perfect": grey, "inverted": 255 - grey, "black": grey * 0, "white": grey * 0 + 255,
                "grey": np.full((h, w), 100, np.uint8), "half": np.full((h, w), 128, np.uint8),
                "one_level": np.where(mask, 77, 76).astype(np.uint8), "noise": guess(random, mask, "noise"),
            }
            for kind, a in maps.items():
                yield f"degenerate_{h}x{w}_{name}_{kind}", a, grey


def real_pairs(random, folder, count):
    files = sorted(p for p in folder.rglob("*.png") if p.parent.name in ("GT", "Mask", "GT_Object") or "GT" in p.parts)
    for i, file in enumerate(files[:: max(1, len(files) // count)][:count] if files else ()):
        grey = np.array(Image.open(file).convert("L"))
        yield f"real_{file.stem}_{KINDS[i % 5]}", guess(random, grey > 128, KINDS[i % 5]), grey


def differ(a, b):
    """The difference of two figures, relative if they are above 1, as E can be for pictures of one pixel."""
    return abs(a - b) / max(1.0, abs(b)) if math.isfinite(a) and math.isfinite(b) else math.inf


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--camo", default="build/camo")
    options.add_argument("--random", type=int, default=240, help="random pairs")
    options.add_argument("--real", type=int, default=60, help="real masks")
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    random = np.random.default_rng(asked.seed)
    data = pathlib.Path(os.environ.get("CAMO_DATA", "")) / "camo"

    pairs = list(random_pairs(random, asked.random)) + list(degenerate_pairs(random))
    real = list(real_pairs(random, data, asked.real)) if data.is_dir() else []
    if not real:
        print("no real masks in", data, "[set CAMO_DATA]")
    pairs += real
    pairs.sort(key=lambda pair: pair[0])

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for kind in ("map", "mask"):
            (folder / kind).mkdir()
        for name, a, grey in pairs:
            Image.fromarray(a).save(folder / "map" / f"{name}.png")
            Image.fromarray(grey).save(folder / "mask" / f"{name}.png")
        subprocess.run([asked.camo, "eval", "--pred", folder / "map", "--gt", folder / "mask", "--report", folder / "out"],
                       check=True, stdout=subprocess.DEVNULL)
        ours = {row["name"]: row for row in csv.DictReader(open(folder / "out" / "images.csv"))}
        set_ours = json.load(open(folder / "out" / "scores.json"))

    everything, worst, failures, put_right = Peer(), collections.Counter(), [], collections.Counter()
    assert len(ours) == len(pairs) == set_ours["images"]
    for name, a, grey in pairs:
        one = Peer()
        one.step(a, grey)
        everything.step(a, grey)
        put_right.update(one.s.met)
        for measure, theirs in one.results().items():
            gap = differ(float(ours[name][measure]), theirs)
            worst[measure] = max(worst[measure], gap)
            if gap > TOLERANCE:
                failures.append(f"{name}: {measure} {ours[name][measure]}, PySODMetrics {theirs!r}")
    of_set = everything.results()
    for measure, theirs in of_set.items():
        if differ(set_ours[measure], theirs) > TOLERANCE:
            failures.append(f"the set: {measure} {set_ours[measure]!r}, PySODMetrics {theirs!r}")

    print(f"{len(pairs)} pairs: {asked.random} random, {len(pairs) - asked.random - len(real)} degenerate, {len(real)} real; "
          f"with a block of S put right: {put_right['without pixels']} without pixels, {put_right['constant']} constant")
    print(f"{'measure':12} {'largest gap of an image':>24} {'of the set':>12}")
    for measure in of_set:
        print(f"{measure:12} {worst[measure]:24.1e} {differ(set_ours[measure], of_set[measure]):12.1e}")
    for line in failures[:20]:
        print("DIFFERS ", line)
    print(f"{len(failures)} figures differ by more than {TOLERANCE:g}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
