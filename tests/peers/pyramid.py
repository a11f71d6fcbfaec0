"""EfficientNet-Lite0 with a plain pyramid decoder in PyTorch: the baseline for Camo's networks of the same backbone.

As in `camo train` are the ImageNet weights, the hold-out, the augmentation (kinds and ranges, with other random numbers),
the `structure` loss, AdamW with its groups, the schedule, the averaged (EMA) weights, and the choice of the epoch by IoU on
the hold-out.  The decoder has no experts and no side maps.  Needs torch, timm, numpy and Pillow.

    python tests/peers/pyramid.py --data DATA/camo --weights efficientnet-lite0-57934424.pth --out runs/pyramid
    camo eval --pred runs/pyramid/maps --gt DATA/camo/Test/GT_Object

OUT gets maps/NAME.png (of Test, 8 bits, at the masks' size), best.pth (the averaged weights of the best epoch) and run.json.
"""

import argparse
import copy
import json
import math
import pathlib
import sys
import time

import numpy as np
import timm
import torch
import torch.nn.functional as F
from loss import structure_loss
from PIL import Image
from torch import nn


def read_split(folder, limit=0):
    """[(name, photograph u8 (H, W, 3), mask u8 (H, W))], sorted by name and decoded once."""
    masks = folder / ("GT" if (folder / "GT").is_dir() else "GT_Object")
    return [(path.stem, np.asarray(Image.open(path).convert("RGB")),
             np.asarray(Image.open(masks / (path.stem + ".png")).convert("L")))
            for path in sorted((folder / "Image").iterdir())[:limit or None]]


def word(seed, i):
    """Word i of the stream by which Camo holds out: Philox4x32-10 (tensor/random.h) of domain 3 and step -1."""
    mask = 2**32 - 1
    c, key = [i // 4, 0, 3, mask], [seed & mask, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ key[0], b & mask, (a >> 32) ^ c[3] ^ key[1], a & mask]
        key = [(key[0] + 0x9E3779B9) & mask, (key[1] + 0xBB67AE85) & mask]
    return c[i % 4]


def held_out(names, options):
    """The names to hold out: those of a file, else those that `camo train` takes (examples/camo/data/splits.cpp)."""
    if options.validation_list:
        return {pathlib.PurePath(line.strip()).stem for line in open(options.validation_list) if line.strip()}
    order = list(names)
    for i in range(len(order) - 1, 0, -1):
        j = word(options.seed, len(order) - 1 - i) * (i + 1) >> 32
        order[i], order[j] = order[j], order[i]
    return set(order[: min(max(math.floor(options.hold_out * len(order) + 0.5), 1), len(order) - 1)])


def draw(random):
    """A change of a picture, in the ranges of examples/camo/data/augment.cpp: the crop (top, left, height, width) as
    shares, the matrix (2, 3) from a new position to an old one, and the matrix (3, 4) of colours in [0, 1]."""
    height, width = random.uniform(0.65, 1, 2)
    top, left = random.uniform(0, 1 - height), random.uniform(0, 1 - width)
    angle = random.uniform(-0.26, 0.26) if random.random() < 0.5 else 0  # 15 degrees
    flip = -1 if random.random() < 0.5 else 1
    brightness, contrast, saturation = random.uniform(0.8, 1.2, 3)
    c, s, grey, shift = math.cos(angle), math.sin(angle), np.tile([0.299, 0.587, 0.114], (3, 1)), 0.5 * (1 - contrast)
    colour = brightness * contrast * ((1 - saturation) * grey + saturation * np.eye(3))
    return (top, left, height, width), [[flip * c, s, 0], [-flip * s, c, 0]], np.insert(colour, 3, shift, axis=1)


def cut(x, crop, size):
    """Crops, then resizes bilinearly, antialiased when it shrinks: u8 (size, size) or (size, size, 3)."""
    first, length = np.floor(np.array(crop).reshape(2, 2) * x.shape[:2] + 0.5).astype(int)
    length = np.clip(length, 1, x.shape[:2])
    top, left = np.minimum(first, x.shape[:2] - length)
    part = np.ascontiguousarray(x[top:top + length[0], left:left + length[1]])
    return np.array(Image.fromarray(part).resize((size, size), Image.Resampling.BILINEAR))


def augmented(pictures, keys, size):
    """The pictures as a batch, each changed as its key draws: (B, 3, S, S) in [0, 1] and masks (B, 1, S, S) of 0 and 1."""
    crops, turns, colours = zip(*(draw(np.random.default_rng(key)) for key in keys))
    layers = [np.dstack([cut(image, crop, size), cut(mask, crop, size)]) for (_, image, mask), crop in zip(pictures, crops)]
    x = torch.from_numpy(np.stack(layers)).permute(0, 3, 1, 2).float()
    grid = F.affine_grid(torch.tensor(turns, dtype=torch.float32), x.shape, align_corners=True)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=True)  # at the centres of the outer pixels
    colour = torch.from_numpy(np.stack(colours)).float()
    rgb = torch.einsum("bij,bjhw->bihw", colour[:, :, :3], x[:, :3] / 255) + colour[:, :, 3:, None]
    return rgb.clamp(0, 1), (x[:, 3:] > 128).float()


class Pyramid(nn.Module):
    """Feature pyramid network: Lin, Dollar, Girshick, He, Hariharan, Belongie 2017, arXiv:1612.03144."""

    def __init__(self, weights, drop_path, width=64):
        super().__init__()
        name = "tf_efficientnet_lite0"
        self.backbone = timm.create_model(name, features_only=True, out_indices=(1, 2, 3, 4), drop_path_rate=drop_path)
        load(self.backbone, timm.create_model(name), weights)
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in self.backbone.feature_info.channels())
        self.smooth = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
            for _ in self.lateral)
        self.logits = nn.Conv2d(width, 1, 1)

    def forward(self, image):
        """(B, 3, H, W) in [0, 1] -> logits (B, 1, H, W)."""
        x = ((image * 255 - 127) / 128).contiguous(memory_format=torch.channels_last)
        y = None
        for feature, lateral, smooth in reversed(list(zip(self.backbone(x), self.lateral, self.smooth))):
            x = lateral(feature)
            y = smooth(x if y is None else x + F.interpolate(y, size=x.shape[-2:], mode="bilinear"))
        return F.interpolate(self.logits(y), size=image.shape[-2:], mode="bilinear")


def load(backbone, whole, file):
    """Loads a file of the whole classifier under other names: its entries have the order of timm's."""
    theirs, ours = ({name: x for name, x in state.items() if not name.endswith("num_batches_tracked")}
                    for state in (torch.load(file, weights_only=True), whole.state_dict()))
    if [x.shape for x in theirs.values()] != [x.shape for x in ours.values()]:
        sys.exit(f"{file}: holds the {len(ours)} entries of timm's model in order, got {len(theirs)} or other shapes")
    head = ("conv_head.", "bn2.", "classifier.")
    backbone.load_state_dict({name: x for name, x in zip(ours, theirs.values()) if not name.startswith(head)})


def groups_of(model, decay, backbone_rate):
    """AdamW's groups: norms and biases have no decay, the backbone's rate has a factor."""
    groups = {}
    for name, p in model.named_parameters():
        key = (backbone_rate if name.startswith("backbone.") else 1, decay if p.ndim > 1 else 0)
        groups.setdefault(key, {"params": [], "factor": key[0], "weight_decay": key[1]})["params"].append(p)
    return list(groups.values())


def rate_at(step, total, warmup, peak, floor):
    """cosine_with_warmup of nn/schedule.h."""
    if step < warmup:
        return peak * (step + 1) / warmup
    t = (step - warmup) / max(total - warmup, 1)
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * min(t, 1)))


def train_epoch(model, averaged, optimizer, pictures, epoch, options):
    """Trains on all pictures but those that do not fill a batch; returns the mean loss."""
    order, size = np.random.default_rng([options.seed, epoch]).permutation(len(pictures)), options.batch_size
    batches = [order[i:i + size] for i in range(0, len(order) - size + 1, size)]
    total, warmup = len(batches) * options.epochs, math.floor(options.warmup * len(batches) + 0.5)
    floats = [[x.detach() for x in [*m.parameters(), *m.buffers()] if x.is_floating_point()] for m in (averaged, model)]
    losses = []
    model.train()
    for step, chosen in enumerate(batches, epoch * len(batches)):
        image, target = augmented([pictures[i] for i in chosen], [[options.seed, epoch, i] for i in chosen], options.size)
        loss = structure_loss(model(image), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), options.clip, error_if_nonfinite=True)
        for group in optimizer.param_groups:
            group["lr"] = group["factor"] * rate_at(step, total, warmup, options.lr, options.min_lr)
        optimizer.step()
        torch._foreach_lerp_(*floats, 1 - min(options.ema_decay, (1 + step) / (10 + step)))  # the rule of nn/ema.h
        losses.append(loss.item())
    return float(np.mean(losses))


def score(map8, mask):
    """(IoU, MAE) as `camo eval` defines them: the map is stretched to [0, 1], then cut at 1/2."""
    p, truth = map8 / 255, mask > 128
    if p.min() < p.max():
        p = (p - p.min()) / (p.max() - p.min())
    either = ((p > 0.5) | truth).sum()
    return ((p > 0.5) & truth).sum() / either if either else 0.0, abs(p - truth).mean()


@torch.no_grad()
def evaluate(model, pictures, size, folder=None):
    """Mean IoU and MAE at the masks' size; writes the maps to the folder if there is one."""
    model.eval()
    scores = []
    for name, image, mask in pictures:
        x = torch.from_numpy(cut(image, (0, 0, 1, 1), size)).permute(2, 0, 1)[None].float() / 255
        p = F.interpolate(torch.sigmoid(model(x)), size=mask.shape, mode="bilinear")
        map8 = (p[0, 0] * 255).round().byte().numpy()
        scores.append(score(map8, mask))
        if folder:
            Image.fromarray(map8).save(folder / f"{name}.png")
    return np.mean(scores, axis=0).tolist()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with Train and Test")
    parser.add_argument("--weights", required=True, help="file of the whole classifier, in the order of timm's entries")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder to write to")
    for name, value, words in (
            ("validation-list", "", "file of names to hold out, one a line; without it as Camo does"),
            ("hold-out", 0.1, "share of Train to hold out"), ("limit", 0, "only the first photographs of Train, for a trial"),
            ("size", 224, "photographs are resized to this many pixels"), ("batch-size", 8, ""), ("epochs", 20, ""),
            ("lr", 3e-4, "peak learning rate"), ("min-lr", 1e-6, "at the end"), ("warmup", 1.0, "epochs"),
            ("backbone-rate", 1.0, "factor of --lr"), ("weight-decay", 0.01, ""), ("clip", 1.0, "largest norm of gradients"),
            ("ema-decay", 0.999, ""), ("drop-path", 0.1, ""), ("seed", 1, ""), ("threads", 2, "")):
        parser.add_argument("--" + name, type=type(value), default=value, help=words + " (default %(default)s)")
    return parser.parse_args()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    (options.out / "maps").mkdir(parents=True, exist_ok=True)
    pictures = read_split(options.data / "Train", options.limit)
    held = held_out([name for name, _, _ in pictures], options)
    training, validation = ([p for p in pictures if (p[0] in held) == wanted] for wanted in (False, True))
    if len(validation) != len(held):
        sys.exit(f"{options.data}: Train holds the {len(held)} names to hold out, got {len(validation)} of them")
    model = Pyramid(options.weights, options.drop_path).to(memory_format=torch.channels_last)
    averaged = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(groups_of(model, options.weight_decay, options.backbone_rate), fused=True)
    record = {"options": vars(options), "torch": torch.__version__, "timm": timm.__version__, "held out": sorted(held),
              "parameters": sum(p.numel() for p in model.parameters()), "best": {"iou": -1}, "epochs": []}
    for epoch in range(options.epochs):
        start = time.perf_counter()
        loss = train_epoch(model, averaged, optimizer, training, epoch, options)
        row = {"epoch": epoch + 1, "loss": loss, "training seconds": time.perf_counter() - start}
        row["iou"], row["mae"] = evaluate(averaged, validation, options.size)
        print("  ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)
        record["epochs"].append(row)
        if row["iou"] > record["best"]["iou"]:
            record["best"] = row
            torch.save(averaged.state_dict(), options.out / "best.pth")
        (options.out / "run.json").write_text(json.dumps(record, indent=1, default=str))

    averaged.load_state_dict(torch.load(options.out / "best.pth", weights_only=True))
    iou, mae = evaluate(averaged, read_split(options.data / "Test"), options.size, options.out / "maps")
    print(f"Test, weights of epoch {record['best']['epoch']}: IoU {iou:.4f}, MAE {mae:.4f}; maps in {options.out / 'maps'}")


if __name__ == "__main__":
    main()
