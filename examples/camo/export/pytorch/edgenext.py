"""EdgeNeXt: Maaz et al. 2022, arXiv:2206.10589.  Names are timm's."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .convnext import ConvNextBlock, patch_downsample, patch_stem
from .layers import DropPath, Mlp, PixelLinear, PixelNorm, depthwise
from .layers import drop_path_rates, outputs


def axis_code(length):
    """Sines and cosines of the positions along an axis: (32, length)."""
    angle = torch.arange(1, length + 1) / (length + 1e-6) * (2 * math.pi)
    angle = angle / 10000 ** (torch.arange(0, 32, 2)[:, None] / 32)
    return torch.stack((angle.sin(), angle.cos()), dim=1).flatten(0, 1)


class PositionalEncoding(nn.Module):
    """Codes of a pixel's row and column through a 1 x 1 convolution."""

    def __init__(self, dim):
        super().__init__()
        self.token_projection = nn.Conv2d(64, dim, 1)

    def forward(self, x):
        height, width = x.shape[2:]
        rows = axis_code(height)[:, :, None].expand(-1, -1, width)
        columns = axis_code(width)[:, None, :].expand(-1, height, -1)
        return self.token_projection(torch.cat((rows, columns))[None].to(x))


class CrossCovarianceAttention(nn.Module):
    """Attention between channels: El-Nouby et al. 2021, arXiv:2106.09681."""

    def __init__(self, dim, heads):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = PixelLinear(dim, 3 * dim)
        self.proj = PixelLinear(dim, dim)

    def forward(self, x):
        heads = len(self.temperature)
        parts = self.qkv(x).flatten(2).unflatten(1, (3, heads, -1))
        q, k, v = parts.unbind(1)  # (B, heads, C / heads, H W)
        cosine = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).mT
        y = (cosine * self.temperature).softmax(-1) @ v
        return self.proj(y.reshape(x.shape))


class SplitTransposeBlock(nn.Module):
    """Chunks of channels pass through convolutions one after another.

    Then attention between channels and an MLP.  Gao et al. 2019,
    arXiv:1904.01169 (chunks); Maaz et al. 2022, arXiv:2206.10589.
    """

    def __init__(self, dim, chunks, heads, encodes_position, rate):
        super().__init__()
        self.width = -(-dim // chunks)
        self.convs = nn.ModuleList(
            depthwise(self.width, 3) for _ in range(chunks - 1)
        )
        self.encodes_position = encodes_position
        if encodes_position:
            self.pos_embd = PositionalEncoding(dim)
        self.norm_xca = PixelNorm(dim)
        self.gamma_xca = nn.Parameter(torch.full((dim,), 1e-6))
        self.xca = CrossCovarianceAttention(dim, heads)
        self.norm = PixelNorm(dim)
        self.mlp = Mlp(dim, 4 * dim)
        self.gamma = nn.Parameter(torch.full((dim,), 1e-6))
        self.drop_path = DropPath(rate)

    def mix(self, x):
        """The last chunk, which may be narrower, passes unchanged."""
        *chunks, last = x.split(self.width, dim=1)
        mixed = []
        for conv, chunk in zip(self.convs, chunks):
            mixed.append(conv(mixed[-1] + chunk if mixed else chunk))
        return torch.cat((*mixed, last), dim=1)

    def forward(self, x):
        z = self.mix(x)
        if self.encodes_position:
            z = z + self.pos_embd(z)
        y = self.xca(self.norm_xca(z))
        z = z + self.drop_path(y * self.gamma_xca[:, None, None])
        y = self.mlp(self.norm(z))
        return x + self.drop_path(y * self.gamma[:, None, None])


class EdgeNextStage(nn.Module):
    """Convolutional blocks; the last one of stages 1 to 3 attends."""

    KERNELS = (3, 5, 7, 9)
    CHUNKS = (0, 2, 3, 4)

    def __init__(self, i, dims, heads, rates):
        super().__init__()
        self.downsample = nn.Identity()
        if i > 0:
            self.downsample = patch_downsample(dims[i - 1], dims[i])
        self.blocks = nn.Sequential(
            *(ConvNextBlock(dims[i], self.KERNELS[i], rate) for rate in rates)
        )
        if i > 0:
            self.blocks[-1] = SplitTransposeBlock(
                dims[i], self.CHUNKS[i], heads, i == 1, rates[-1]
            )

    def forward(self, x):
        return self.blocks(self.downsample(x))


class EdgeNext(nn.Module):
    """EdgeNeXt: image -> maps at strides 4, 8, 16, 32.

    Maaz et al. 2022, arXiv:2206.10589.
    """

    def __init__(self, dims, depths, heads, drop_path):
        super().__init__()
        rates = drop_path_rates(drop_path, depths)
        self.stem = patch_stem(dims[0])
        self.stages = nn.ModuleList(
            EdgeNextStage(i, dims, heads, rates[i]) for i in range(4)
        )

    def forward(self, image):
        return outputs(self.stem(image), self.stages)
