"""The COD family: six experts that look for camouflaged objects in different ways."""

import torch
import torch.nn.functional as F
from torch import nn

from .experts import EdgeFilters, Pointwise
from .layers import PixelLinear, PixelNorm, attention, depthwise


class FrequencyExpert(nn.Module):
    """Low, middle and high bands, from differences of box means."""

    def __init__(self, dim):
        super().__init__()
        self.low = Pointwise(dim, dim // 4)
        self.mid = Pointwise(dim, dim // 4)
        self.high = Pointwise(dim, dim // 4)
        self.all = Pointwise(dim, dim - 3 * (dim // 4))
        self.fuse = Pointwise(dim, dim)

    def forward(self, x):
        smooth = F.avg_pool2d(x, 3, stride=1, padding=1)
        smoother = F.avg_pool2d(x, 5, stride=1, padding=2)
        views = (
            self.low(smooth),
            self.mid(smooth - smoother),
            self.high(x - smooth),
            self.all(x),
        )
        return self.fuse(torch.cat(views, dim=1))


class EdgeExpert(nn.Module):
    """Gradient magnitude, Laplacian, both, and the map itself."""

    def __init__(self, dim):
        super().__init__()
        self.filters = EdgeFilters()
        self.slope = Pointwise(dim, dim // 4)
        self.curve = Pointwise(dim, dim // 4)
        self.both = Pointwise(dim, dim // 4)
        self.all = Pointwise(dim, dim - 3 * (dim // 4))
        self.fuse = Pointwise(dim, dim)

    def forward(self, x):
        slope2, bend = self.filters(x)
        # 1e-6 keeps the derivative of the root finite where the map is flat.
        views = (
            self.slope((slope2 + 1e-6).sqrt()),
            self.curve(bend.abs()),
            self.both((slope2 + bend.square() + 1e-6).sqrt()),
            self.all(x),
        )
        return self.fuse(torch.cat(views, dim=1))


class SurroundBranch(nn.Module):
    """Reduces the channels and subtracts from each its surround."""

    def __init__(self, channels, dim, kernel):
        super().__init__()
        self.squeeze = PixelLinear(channels, dim)
        self.surround = depthwise(dim, kernel)
        self.norm = PixelNorm(dim)

    def forward(self, x):
        centre = self.squeeze(x)
        return F.gelu(self.norm(centre - self.surround(centre)))


class ContrastExpert(nn.Module):
    """Centre minus surround at three sizes, as in the retina."""

    def __init__(self, dim):
        super().__init__()
        self.small = SurroundBranch(dim, dim // 4, 3)
        self.medium = SurroundBranch(dim, dim // 4, 5)
        self.large = SurroundBranch(dim, dim // 4, 7)
        self.all = Pointwise(dim, dim - 3 * (dim // 4))
        self.fuse = Pointwise(dim, dim)

    def forward(self, x):
        views = (self.small(x), self.medium(x), self.large(x), self.all(x))
        return self.fuse(torch.cat(views, dim=1))


class AttentionExpert(nn.Module):
    """Every pixel attends to the whole image, pooled to 7 x 7 tokens.

    Pooled keys follow PVTv2: Wang et al. 2022, arXiv:2106.13797.
    """

    def __init__(self, dim):
        super().__init__()
        inner = (dim + 3) // 4 * 2
        self.norm = PixelNorm(dim)
        self.query = PixelLinear(dim, inner)
        self.key = PixelLinear(dim, inner)
        self.value = PixelLinear(dim, inner)
        self.all = Pointwise(dim, dim // 4)
        self.fuse = Pointwise(inner + dim // 4, dim)

    def forward(self, x):
        tokens = self.norm(F.adaptive_avg_pool2d(x, 7))
        seen = attention(
            self.query(x), self.key(tokens), self.value(tokens), heads=2
        )
        return self.fuse(torch.cat((seen, self.all(x)), dim=1))


class HybridExpert(nn.Module):
    """A local view, gated per channel by the whole image.

    Hu, Shen, Sun 2018, arXiv:1709.01507.
    """

    def __init__(self, dim):
        super().__init__()
        few = max(dim // 16, 1)
        self.filter = depthwise(dim, 5)
        self.local = Pointwise(dim, dim)
        self.squeeze = PixelLinear(dim, few)
        self.excite = PixelLinear(few, dim)
        self.fuse = Pointwise(dim, dim)

    def forward(self, x):
        mean = x.mean((2, 3), keepdim=True)
        gate = self.excite(F.gelu(self.squeeze(mean))).sigmoid()
        return self.fuse(self.local(self.filter(x)) * gate)
