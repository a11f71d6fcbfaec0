"""Layers and functions that several parts of a network use.  Maps are (B, C, H, W)."""

import torch
import torch.nn.functional as F
from torch import nn


def resize(x, size):
    """Bilinear resize of maps to size = (height, width)."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def depthwise(dim, kernel):
    """One filter for each channel; keeps the size of the map."""
    return nn.Conv2d(dim, dim, kernel, padding=kernel // 2, groups=dim)


def attention(q, k, v, heads):
    """Multi-head attention between the pixels of maps.

    q is (B, C, H, W); k and v are (B, C, h, w).  Vaswani et al. 2017,
    arXiv:1706.03762.
    """

    def tokens(x):  # (B, C, H, W) -> (B, heads, H W, C / heads)
        return x.flatten(2).unflatten(1, (heads, -1)).transpose(2, 3)

    y = F.scaled_dot_product_attention(tokens(q), tokens(k), tokens(v))
    return y.transpose(2, 3).reshape(q.shape)


class PixelLinear(nn.Linear):
    """A linear layer over the channels of each pixel."""

    def forward(self, x):
        return F.conv2d(x, self.weight[:, :, None, None], self.bias)


class PixelNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel."""

    def __init__(self, dim, eps=1e-6):
        super().__init__(dim, eps)

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class DropPath(nn.Module):
    """Drops the branch of some images in training.

    Huang et al. 2016, arXiv:1603.09382.
    """

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if not self.training:
            return x
        keep = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.rate
        return x * keep / (1 - self.rate)


def drop_path_rates(last, depths):
    """The rates of the blocks of each stage, from 0 to last."""
    rates = torch.linspace(0, last, sum(depths)).split(list(depths))
    return [stage.tolist() for stage in rates]


def outputs(x, stages):
    """The output of each stage, which is the input of the next."""
    maps = []
    for stage in stages:
        x = stage(x)
        maps.append(x)
    return maps


class Mlp(nn.Module):
    """Two linear layers with GELU between them, for each pixel."""

    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = PixelLinear(dim, hidden)
        self.fc2 = PixelLinear(hidden, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))
