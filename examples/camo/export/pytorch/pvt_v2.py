"""PVTv2: Wang et al. 2022, arXiv:2106.13797.  Names are timm's."""

import torch.nn.functional as F
from torch import nn

from .layers import DropPath, PixelLinear, PixelNorm, attention, depthwise
from .layers import drop_path_rates, outputs


class PvtPatchEmbed(nn.Module):
    """A strided, overlapping convolution, then a norm."""

    def __init__(self, channels, dim, kernel, stride):
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, kernel, stride, kernel // 2)
        self.norm = PixelNorm(dim, eps=1e-5)

    def forward(self, x):
        return self.norm(self.proj(x))


class PvtAttention(nn.Module):
    """Attention whose keys and values come from a smaller map."""

    def __init__(self, dim, heads, reduction):
        super().__init__()
        self.heads = heads
        self.q = PixelLinear(dim, dim)
        self.kv = PixelLinear(dim, 2 * dim)
        self.proj = PixelLinear(dim, dim)
        self.shrinks = reduction > 1
        if self.shrinks:
            self.sr = nn.Conv2d(dim, dim, reduction, reduction)
            self.norm = PixelNorm(dim, eps=1e-5)

    def forward(self, x):
        small = self.norm(self.sr(x)) if self.shrinks else x
        k, v = self.kv(small).chunk(2, dim=1)
        return self.proj(attention(self.q(x), k, v, self.heads))


class PvtPooledAttention(nn.Module):
    """Attention whose keys and values come from the map pooled to 7 x 7."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.q = PixelLinear(dim, dim)
        self.kv = PixelLinear(dim, 2 * dim)
        self.proj = PixelLinear(dim, dim)
        self.sr = nn.Conv2d(dim, dim, 1)
        self.norm = PixelNorm(dim, eps=1e-5)

    def forward(self, x):
        small = F.gelu(self.norm(self.sr(F.adaptive_avg_pool2d(x, 7))))
        k, v = self.kv(small).chunk(2, dim=1)
        return self.proj(attention(self.q(x), k, v, self.heads))


class PvtMlp(nn.Module):
    """An MLP with a depthwise convolution, which encodes positions too."""

    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = PixelLinear(dim, hidden)
        self.dwconv = depthwise(hidden, 3)
        self.fc2 = PixelLinear(hidden, dim)

    def forward(self, x):
        x = self.fc1(x)
        x = F.relu(x)  # if pvt_pooled
        return self.fc2(F.gelu(self.dwconv(x)))


class PvtBlock(nn.Module):
    """Attention, then an MLP; a norm before each, its input added after."""

    def __init__(self, dim, attn, ratio, rate):
        super().__init__()
        self.norm1 = PixelNorm(dim)
        self.attn = attn
        self.norm2 = PixelNorm(dim)
        self.mlp = PvtMlp(dim, ratio * dim)
        self.drop_path = DropPath(rate)

    def forward(self, x):
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class PvtStage(nn.Module):
    """Blocks, then a norm, after halving the map of the stage before."""

    HEADS = (1, 2, 5, 8)
    REDUCTIONS = (8, 4, 2, 1)  # if not pvt_pooled

    def __init__(self, i, dims, ratio, rates):
        super().__init__()
        dim = dims[i]
        self.downsample = nn.Identity()
        if i > 0:
            self.downsample = PvtPatchEmbed(dims[i - 1], dim, 3, 2)
        self.blocks = nn.Sequential()
        for rate in rates:
            attn = PvtPooledAttention(dim, self.HEADS[i])  # if pvt_pooled
            attn = PvtAttention(dim, self.HEADS[i], self.REDUCTIONS[i])  # if not pvt_pooled
            self.blocks.append(PvtBlock(dim, attn, ratio, rate))
        self.norm = PixelNorm(dim)

    def forward(self, x):
        return self.norm(self.blocks(self.downsample(x)))


class PvtV2(nn.Module):
    """Pyramid vision transformer v2: image -> maps at strides 4, 8, 16, 32.

    Wang et al. 2022, arXiv:2106.13797.
    """

    def __init__(self, dims, depths, mlp_ratios, drop_path):
        super().__init__()
        rates = drop_path_rates(drop_path, depths)
        self.patch_embed = PvtPatchEmbed(3, dims[0], 7, 4)
        self.stages = nn.ModuleList(
            PvtStage(i, dims, mlp_ratios[i], rates[i]) for i in range(4)
        )

    def forward(self, image):
        return outputs(self.patch_embed(image), self.stages)
