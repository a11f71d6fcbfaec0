"""ConvNeXt (Liu et al. 2022, arXiv:2201.03545) and its block, which EdgeNeXt uses too.  Names are timm's."""

import torch
from torch import nn

from .layers import DropPath, Mlp, PixelNorm, depthwise, drop_path_rates, outputs


class ConvNextBlock(nn.Module):
    """A large depthwise convolution, then an MLP.

    gamma scales the branch for each channel: Touvron et al. 2021,
    arXiv:2103.17239.
    """

    def __init__(self, dim, kernel, rate):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), 1e-6))
        self.conv_dw = depthwise(dim, kernel)
        self.norm = PixelNorm(dim)
        self.mlp = Mlp(dim, 4 * dim)
        self.drop_path = DropPath(rate)

    def forward(self, x):
        y = self.mlp(self.norm(self.conv_dw(x)))
        return x + self.drop_path(y * self.gamma[:, None, None])


def patch_stem(dim):
    """4 x 4 patches, then a norm."""
    return nn.Sequential(nn.Conv2d(3, dim, 4, 4), PixelNorm(dim))


def patch_downsample(previous, dim):
    """A norm, then 2 x 2 patches."""
    return nn.Sequential(PixelNorm(previous), nn.Conv2d(previous, dim, 2, 2))


class ConvNextStage(nn.Module):
    """Blocks, after halving the map of the stage before."""

    def __init__(self, i, dims, rates):
        super().__init__()
        self.downsample = nn.Identity()
        if i > 0:
            self.downsample = patch_downsample(dims[i - 1], dims[i])
        self.blocks = nn.Sequential(
            *(ConvNextBlock(dims[i], 7, rate) for rate in rates)
        )

    def forward(self, x):
        return self.blocks(self.downsample(x))


class ConvNext(nn.Module):
    """ConvNeXt: image -> maps at strides 4, 8, 16, 32.

    Liu et al. 2022, arXiv:2201.03545.
    """

    def __init__(self, dims, depths, drop_path):
        super().__init__()
        rates = drop_path_rates(drop_path, depths)
        self.stem = patch_stem(dims[0])
        self.stages = nn.ModuleList(
            ConvNextStage(i, dims, rates[i]) for i in range(4)
        )

    def forward(self, image):
        return outputs(self.stem(image), self.stages)
