"""The generic family: experts that are useful for any dense prediction, and the gates before them."""

import torch
import torch.nn.functional as F
from torch import nn

from .experts import EdgeFilters, Pointwise
from .layers import PixelLinear, PixelNorm, attention, depthwise, resize
from .settings import POOL_ABOVE


def linear_attention(q, k, v, heads):
    """Attention whose softmax is replaced by features elu(u) + 1.

    Katharopoulos et al. 2020, arXiv:2006.16236.
    """

    def parts(x):  # (B, C, H, W) -> (B, heads, C / heads, H W)
        return x.flatten(2).unflatten(1, (heads, -1))

    queries, keys = F.elu(parts(q)) + 1, F.elu(parts(k)) + 1
    above = (parts(v) @ keys.mT) @ queries
    below = keys.sum(-1, keepdim=True).mT @ queries
    return (above / (below + 1e-12)).reshape(q.shape)


class SdtaEncoder(nn.Module):
    """Self-attention over the pixels of a map."""

    def __init__(self, dim):
        super().__init__()
        self.heads = next(n for n in range(8, 0, -1) if dim % n == 0)
        self.qkv = PixelLinear(dim, 3 * dim, bias=False)
        self.proj = PixelLinear(dim, dim)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=1)
        if x.shape[2] * x.shape[3] > POOL_ABOVE**2:  # if pools_keys
            # Projection and mean commute: pooled keys, at a fixed cost.
            k, v = F.adaptive_avg_pool2d(k, 11), F.adaptive_avg_pool2d(v, 11)
        y = linear_attention(q, k, v, self.heads)  # if linear_attention
        y = attention(q, k, v, self.heads)  # if not linear_attention
        return self.drop(self.proj(y))


class GenericAttention(nn.Module):
    """Every pixel attends to all others."""

    def __init__(self, dim):
        super().__init__()
        self.encoder = SdtaEncoder(dim)

    def forward(self, x):
        return self.encoder(x)


class GenericHybrid(nn.Module):
    """A local view, gated per channel by the whole image.

    Hu, Shen, Sun 2018, arXiv:1709.01507.
    """

    def __init__(self, dim):
        super().__init__()
        self.filter = depthwise(dim, 5)
        self.norm = PixelNorm(dim)
        self.local = PixelLinear(dim, dim)
        self.squeeze = PixelLinear(dim, dim // 4)
        self.excite = PixelLinear(dim // 4, dim)
        self.fuse = PixelLinear(dim, dim)

    def forward(self, x):
        near = F.gelu(self.local(self.norm(self.filter(x))))
        mean = x.mean((2, 3), keepdim=True)
        gate = self.excite(F.gelu(self.squeeze(mean))).sigmoid()
        return self.fuse(near * gate)


class FourViews(nn.Module):
    """Fuses a quarter of the channels from each of four maps."""

    def __init__(self, dim):
        super().__init__()
        self.first = Pointwise(dim, dim // 4)
        self.second = Pointwise(dim, dim // 4)
        self.third = Pointwise(dim, dim // 4)
        self.fourth = Pointwise(dim, dim - 3 * (dim // 4))
        self.fuse = Pointwise(dim, dim)

    def forward(self, a, b, c, d):
        views = (self.first(a), self.second(b), self.third(c), self.fourth(d))
        return self.fuse(torch.cat(views, dim=1))


class GenericFrequency(nn.Module):
    """Low, high and middle bands, from differences of box means."""

    def __init__(self, dim):
        super().__init__()
        self.bands = FourViews(dim)

    def forward(self, x):
        low = F.avg_pool2d(x, 3, stride=1, padding=1)
        lower = F.avg_pool2d(x, 5, stride=1, padding=2)
        return self.bands(low, low - lower, x - low, x)


class GenericEdge(nn.Module):
    """Gradient magnitude, Laplacian, both, and the map itself."""

    def __init__(self, dim):
        super().__init__()
        self.filters = EdgeFilters()
        self.edges = FourViews(dim)

    def forward(self, x):
        slope2, bend = self.filters(x)
        # 1e-8 keeps the derivative of the root finite where the map is flat.
        slope2 = slope2 + 1e-8
        both = (slope2 + bend.square() + 1e-8).sqrt()
        return self.edges(slope2.sqrt(), bend.abs(), both, x)


class GenericContext(nn.Module):
    """The image pooled to 8 x 8, 4 x 4, 2 x 2 and 1 x 1.

    Pyramid pooling: Zhao et al. 2017, arXiv:1612.01105.
    """

    def __init__(self, dim):
        super().__init__()
        self.fine = Pointwise(dim, dim // 4)
        self.mid = Pointwise(dim, dim // 4)
        self.coarse = Pointwise(dim, dim // 4)
        self.whole = Pointwise(dim, dim - 3 * (dim // 4))
        self.fuse = Pointwise(dim, dim)

    def forward(self, x):
        def level(view, side):
            small = view(F.adaptive_avg_pool2d(x, side))
            return resize(small, x.shape[2:])

        levels = (
            level(self.fine, 8),
            level(self.mid, 4),
            level(self.coarse, 2),
            level(self.whole, 1),
        )
        return self.fuse(torch.cat(levels, dim=1))


class GenericContrast(nn.Module):
    """A learned 3 x 3 filter per channel, then two pointwise layers."""

    def __init__(self, dim):
        super().__init__()
        self.filter = depthwise(dim, 3)
        self.norm = PixelNorm(dim)
        self.mix = PixelLinear(dim, dim)
        self.mix_norm = PixelNorm(dim)
        self.fuse = Pointwise(dim, dim)

    def forward(self, x):
        local = F.gelu(self.norm(self.filter(x)))
        return self.fuse(self.mix_norm(self.mix(local)))


class SdtaBlock(nn.Module):
    """A gate per channel, then one per pixel.

    A tenth of x is added, so that nothing is lost behind a closed gate.
    """

    def __init__(self, dim):
        super().__init__()
        few = max(dim // 8, 8)
        self.squeeze = PixelLinear(dim, few, bias=False)
        self.excite = PixelLinear(few, dim, bias=False)
        self.around = nn.Conv2d(
            dim, dim, 5, padding=2, groups=dim, bias=False
        )
        self.place = PixelLinear(dim, 1, bias=False)

    def forward(self, x):
        mean = x.mean((2, 3), keepdim=True)
        y = x * self.excite(F.relu(self.squeeze(mean))).sigmoid()
        return y * self.place(self.around(y)).sigmoid() + 0.1 * x
