"""Parts of the experts of both families, and the baseline.

An expert maps (B, C, H, W) to the same shape; the layer around it adds its input.
"""

import torch
import torch.nn.functional as F
from torch import nn

from .layers import PixelLinear, PixelNorm, depthwise


class Pointwise(nn.Module):
    """A linear layer, a norm and GELU for each pixel."""

    def __init__(self, channels, dim):
        super().__init__()
        self.conv = PixelLinear(channels, dim)
        self.norm = PixelNorm(dim)

    def forward(self, x):
        return F.gelu(self.norm(self.conv(x)))


class DilatedBranch(nn.Module):
    """Reduces the channels, then applies a dilated 3 x 3 convolution."""

    def __init__(self, channels, dim, dilation):
        super().__init__()
        self.squeeze = PixelLinear(channels, dim)
        self.filter = nn.Conv2d(
            dim,
            dim,
            3,
            padding=dilation,
            dilation=dilation,
            groups=dim,  # if cod
        )
        self.norm = PixelNorm(dim)

    def forward(self, x):
        return F.gelu(self.norm(self.filter(self.squeeze(x))))


class TextureExpert(nn.Module):
    """A quarter of the channels at each of four dilations.

    A camouflaged animal repeats the texture of its background, but seldom
    at all scales.
    """

    def __init__(self, dim):
        super().__init__()
        self.near = DilatedBranch(dim, dim // 4, 1)
        self.mid = DilatedBranch(dim, dim // 4, 2)
        self.far = DilatedBranch(dim, dim // 4, 4)  # if cod
        self.far = DilatedBranch(dim, dim // 4, 3)  # if not cod
        self.farther = DilatedBranch(dim, dim - 3 * (dim // 4), 8)  # if cod
        self.farther = DilatedBranch(dim, dim - 3 * (dim // 4), 4)  # if not cod
        self.fuse = Pointwise(dim, dim)

    def forward(self, x):
        views = (self.near(x), self.mid(x), self.far(x), self.farther(x))
        return self.fuse(torch.cat(views, dim=1))


class EdgeFilters(nn.Module):
    """Sobel and Laplace filters on every channel; training keeps them."""

    def __init__(self):
        super().__init__()
        sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
        laplacian = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
        filters = torch.stack((sobel, sobel.T, laplacian))
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, x):
        """The squared magnitude of the gradient, and the Laplacian."""
        dim = x.shape[1]
        weight = self.filters.repeat(dim, 1, 1)[:, None]
        y = F.conv2d(x, weight, padding=1, groups=dim)
        across, down, bend = y.unflatten(1, (dim, 3)).unbind(2)
        return across.square() + down.square(), bend


class SingleExpert(nn.Module):
    """One dense expert, worth several sparse ones.

    The block is that of Liu et al. 2022, arXiv:2201.03545.
    """

    def __init__(self, dim, worth):
        super().__init__()
        self.filter = depthwise(dim, 7)
        self.widen = Pointwise(dim, worth * dim)
        self.fuse = Pointwise(worth * dim, dim)

    def forward(self, x):
        return self.fuse(self.widen(self.filter(x)))
