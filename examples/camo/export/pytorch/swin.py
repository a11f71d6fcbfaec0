"""Swin: Liu et al. 2021, arXiv:2103.14030.  Names are timm's."""

import torch
import torch.nn.functional as F
from torch import nn

from .layers import DropPath, Mlp, PixelLinear, PixelNorm, drop_path_rates
from .layers import outputs


def strips(length, window, shift):
    """The part of a rolled axis, 0 to 2, that each position is in."""
    at = torch.arange(length)
    return (at >= length - window).long() + (at >= length - shift)


class WindowAttention(nn.Module):
    """Attention within the windows of a map, which may be shifted.

    A learned bias for each head and relative position is added to the
    scores.  Tokens that only rolling made neighbours do not see each other.
    """

    def __init__(self, dim, heads, window, shift):
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.qkv = PixelLinear(dim, 3 * dim)
        self.proj = PixelLinear(dim, dim)
        height, width = window
        distances = (2 * height - 1) * (2 * width - 1)
        self.relative_position_bias_table = nn.Parameter(
            torch.zeros(distances, heads)
        )
        y = torch.arange(height).repeat_interleave(width)
        x = torch.arange(width).repeat(height)
        down = y[:, None] - y + height - 1
        across = x[:, None] - x + width - 1
        index = down * (2 * width - 1) + across
        self.register_buffer("index", index, persistent=False)

    def windows(self, x):
        """(B, C, H, W) -> (B, windows, pixels of one, C)."""
        height, width = self.window
        x = x.unflatten(3, (-1, width)).unflatten(2, (-1, height))
        return x.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(1, 2)

    def scores_added(self, height, width):
        """The bias and the mask: (windows, heads, pixels, pixels)."""
        bias = self.relative_position_bias_table[self.index].permute(2, 0, 1)
        rows = strips(height, self.window[0], self.shift[0])
        columns = strips(width, self.window[1], self.shift[1])
        part = self.windows((3 * rows[:, None] + columns)[None, None])[0]
        apart = (part != part.mT)[:, None].to(bias.device)
        return bias - 100.0 * apart

    def forward(self, x):
        height, width = x.shape[2:]
        down, across = self.shift
        below, right = -height % self.window[0], -width % self.window[1]
        y = F.pad(x.roll((-down, -across), (2, 3)), (0, right, 0, below))
        whole = y.shape[2:]
        tokens = self.windows(self.qkv(y))
        tokens = tokens.unflatten(3, (3, self.heads, -1))
        q, k, v = tokens.permute(3, 0, 1, 4, 2, 5)
        y = F.scaled_dot_product_attention(
            q, k, v, attn_mask=self.scores_added(*whole)
        )
        y = y.transpose(2, 3).flatten(3)  # (B, windows, pixels, C)
        y = y.unflatten(2, self.window).unflatten(
            1, (whole[0] // self.window[0], whole[1] // self.window[1])
        )
        y = y.permute(0, 5, 1, 3, 2, 4).reshape(len(x), -1, *whole)
        y = y[..., :height, :width].roll((down, across), (2, 3))
        return self.proj(y)


class SwinBlock(nn.Module):
    """Attention, then an MLP; a norm before each, its input added after."""

    def __init__(self, dim, heads, window, shift, rate):
        super().__init__()
        self.norm1 = PixelNorm(dim, eps=1e-5)
        self.attn = WindowAttention(dim, heads, window, shift)
        self.norm2 = PixelNorm(dim, eps=1e-5)
        self.mlp = Mlp(dim, 4 * dim)
        self.drop_path = DropPath(rate)

    def forward(self, x):
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class PatchMerging(nn.Module):
    """Joins the pixels of 2 x 2 patches, then a norm and a projection."""

    def __init__(self, dim):
        super().__init__()
        self.norm = PixelNorm(4 * dim, eps=1e-5)
        self.reduction = PixelLinear(4 * dim, 2 * dim, bias=False)

    def forward(self, x):
        x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        x = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
        x = x.permute(0, 5, 3, 1, 2, 4).flatten(1, 3)
        return self.reduction(self.norm(x))


class SwinPatchEmbed(nn.Module):
    """4 x 4 patches, then a norm."""

    def __init__(self, dim):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, 4, 4)
        self.norm = PixelNorm(dim, eps=1e-5)

    def forward(self, x):
        return self.norm(self.proj(x))


class SwinStage(nn.Module):
    """Blocks for a map of that size; every other one shifts its windows.

    A map that is no larger than a window is one window.
    """

    def __init__(self, i, dims, heads, size, rates):
        super().__init__()
        self.downsample = PatchMerging(dims[i - 1]) if i > 0 else nn.Identity()
        window = tuple(min(side, 7) for side in size)
        half = tuple(3 if side > 7 else 0 for side in size)
        self.blocks = nn.Sequential()
        for k, rate in enumerate(rates):
            shift = half if k % 2 == 1 else (0, 0)
            block = SwinBlock(dims[i], heads, window, shift, rate)
            self.blocks.append(block)

    def forward(self, x):
        return self.blocks(self.downsample(x))


class Swin(nn.Module):
    """Swin: image -> maps at strides 4, 8, 16, 32.

    The windows follow from the size of the images in training; images of
    other sizes are accepted.  Liu et al. 2021, arXiv:2103.14030.
    """

    def __init__(self, dims, depths, heads, size, drop_path):
        super().__init__()
        rates = drop_path_rates(drop_path, depths)
        self.patch_embed = SwinPatchEmbed(dims[0])
        self.layers = nn.ModuleList()
        for i in range(4):
            side = tuple(-(-length // (4 << i)) for length in size)
            self.layers.append(SwinStage(i, dims, heads[i], side, rates[i]))

    def forward(self, image):
        return outputs(self.patch_embed(image), self.layers)
