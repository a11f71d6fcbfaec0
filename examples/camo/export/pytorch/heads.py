"""The decoder and the heads."""

import torch
import torch.nn.functional as F
from torch import nn

from .layers import PixelLinear, resize


class ConvBlock(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, channels, dim, kernel=3, bias=True):
        super().__init__()
        self.conv = nn.Conv2d(
            channels, dim, kernel, padding=kernel // 2, bias=bias
        )
        self.norm = nn.BatchNorm2d(dim)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Search(nn.Module):
    """Predicts a coarse mask and adds gated features.

    SINet: Fan et al. 2020, "Camouflaged object detection".
    """

    def __init__(self, dim):
        super().__init__()
        self.look = ConvBlock(dim, dim // 2)
        self.look_again = ConvBlock(dim // 2, dim // 2)
        self.head = PixelLinear(dim // 2, 1)
        self.identify = ConvBlock(dim, dim)
        self.mix = ConvBlock(dim, dim, kernel=1)

    def forward(self, x):
        """The features, and the logits of the coarse mask."""
        logits = self.head(self.look_again(self.look(x)))
        return x + self.mix(self.identify(x)) * logits.sigmoid(), logits


class Decoder(nn.Module):
    """From the coarsest map to the finest: upsample, add, convolve.

    Feature pyramid: Lin et al. 2017, arXiv:1612.03144.
    """

    def __init__(self, dims, width):
        super().__init__()
        self.lateral = nn.ModuleList(PixelLinear(dim, width) for dim in dims)
        self.refine = nn.ModuleList(
            ConvBlock(width, width, bias=False) for _ in dims
        )
        self.search = Search(width)  # if heads

    def forward(self, maps):
        """Maps of one width, finest first."""  # if not heads
        """Maps of one width, finest first, and the logits of the search."""  # if heads
        side = [lateral(x) for lateral, x in zip(self.lateral, maps)]
        y = self.refine[-1](side[-1])
        y, search = self.search(y)  # if heads
        decoded = [y]
        for refine, x in zip(self.refine[-2::-1], side[-2::-1]):
            y = refine(x + resize(y, x.shape[2:]))
            decoded.insert(0, y)
        return decoded  # if not heads
        return decoded, search  # if heads


class ReverseAttention(nn.Module):
    """Predicts the background, and adds features outside of it.

    Chen, Tan, Wang, Hu 2018, arXiv:1807.09940.
    """

    def __init__(self, dim):
        super().__init__()
        self.squeeze = ConvBlock(dim, dim // 2)
        self.squeeze_again = ConvBlock(dim // 2, dim // 4)
        self.background = PixelLinear(dim // 4, 1)
        self.refine = ConvBlock(dim + 1, dim)
        self.refine_again = ConvBlock(dim, dim)

    def forward(self, x):
        """The features, and the logits of the object."""
        logits = -self.background(self.squeeze_again(self.squeeze(x)))
        there = logits.sigmoid()
        seen = self.refine(torch.cat((x, 1 - there), dim=1))
        return x + self.refine_again(seen) * there, logits


class BoundaryUncertainty(nn.Module):
    """A first guess of the mask, and its expected error u > 0.

    Kendall, Gal 2017, arXiv:1703.04977.
    """

    def __init__(self, dim):
        super().__init__()
        self.shared = ConvBlock(dim, dim)
        self.mean_block = ConvBlock(dim, dim // 2)
        self.unsure_block = ConvBlock(dim, dim // 2)
        self.mean = PixelLinear(dim // 2, 1)
        self.unsure = PixelLinear(dim // 2, 1)

    def forward(self, x):
        x = self.shared(x)
        u = F.softplus(self.unsure(self.unsure_block(x))) + 1e-3
        return self.mean(self.mean_block(x)), u


class RefinementStep(nn.Module):
    """Corrects logits, most strongly where `unsure`, 0 to 1, is large."""

    def __init__(self, dim):
        super().__init__()
        self.look = ConvBlock(dim + 2, dim)
        self.look_again = ConvBlock(dim, dim)
        self.correction = PixelLinear(dim, 1)

    def forward(self, x, logits, unsure):
        seen = self.look(torch.cat((x, logits, unsure), dim=1))
        return logits + self.correction(self.look_again(seen) * (unsure + 1))


class Refinement(nn.Module):
    """Corrects a guess several times."""

    def __init__(self, dim, count):
        super().__init__()
        self.steps = nn.ModuleList(RefinementStep(dim) for _ in range(count))

    def forward(self, x, guess, u):
        """The guess and the logits after each step."""
        unsure = u / u.amax((2, 3), keepdim=True)
        out = [guess]
        for step in self.steps:
            out.append(step(x, out[-1], unsure))
        return out


class FineHeads(nn.Module):
    """The heads on the finest map."""

    def __init__(self, width, dim, refinements):
        super().__init__()
        self.narrow = PixelLinear(width, dim)
        self.reverse = ReverseAttention(dim)
        self.uncertainty = BoundaryUncertainty(dim)
        self.refinement = Refinement(dim, refinements)

    def forward(self, x):
        """The logits, and a dict of the maps on the way to them."""
        x, reverse = self.reverse(self.narrow(x))
        guess, u = self.uncertainty(x)
        *steps, logits = self.refinement(x, guess, u)
        return logits, {"reverse": reverse, "steps": steps, "uncertainty": u}
