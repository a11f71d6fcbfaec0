"""The loss of a network in PyTorch, as nn/loss.h and moe/loss.h define it, with the usual weights of its terms."""

import math

import torch
import torch.nn.functional as F


def structure_loss(logits, target, window=31):
    """Weighted cross entropy plus weighted IoU: F3Net, arXiv:1911.11445, section 3.3."""
    half = window // 2
    around = F.avg_pool2d(F.avg_pool2d(target, (window, 1), 1, (half, 0)), (1, window), 1, (0, half))
    weight, p, dims = 1 + 5 * (around - target).abs(), torch.sigmoid(logits), (1, 2, 3)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    both, either = (weight * p * target).sum(dims), (weight * (p + target)).sum(dims)
    return ((weight * entropy).sum(dims) / weight.sum(dims) + 1 - (both + 1) / (either - both + 1)).mean()


def side_loss(logits, target):
    """The same for a smaller map, whose window is smaller too."""
    half = max(1, math.floor(15 * logits.shape[2] / target.shape[2] + 0.5))
    return structure_loss(logits, F.adaptive_avg_pool2d(target, logits.shape[2:]), 2 * half + 1)


def uncertainty_loss(logits, u, target):
    entropy = F.binary_cross_entropy_with_logits(logits, F.adaptive_avg_pool2d(target, u.shape[2:]), reduction="none")
    floor = 0.05
    return ((entropy + floor) / (u + floor) + ((u + floor) / floor).log() - 1).mean()


def camoxpert_loss(out, mask):
    """out: what model.py returns in training; mask (B, 1, H, W) in [0, 1]."""
    whole = F.pad(mask, (0, -mask.shape[3] % 32, 0, -mask.shape[2] % 32))
    loss = structure_loss(out["logits"], mask) + 0.5 * sum(side_loss(y, whole) for y in out["deep"])
    if "search" in out:
        steps = out["steps"]
        loss = loss + 0.5 * side_loss(out["search"], whole) + 0.3 * side_loss(out["reverse"], whole)
        later = [(i + 1) * side_loss(y, whole) for i, y in enumerate(steps)]
        loss = loss + sum(later) / (len(steps) * (len(steps) + 1))
        loss = loss + 0.1 * uncertainty_loss(steps[0], out["uncertainty"], whole)
    return loss + out.get("aux_loss", 0)
