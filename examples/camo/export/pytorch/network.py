"""The network, and the function that builds it, which the export writes anew."""

from functools import partial

import torch.nn.functional as F
from torch import nn

from .cod import EdgeExpert, FrequencyExpert
from .experts import SingleExpert, TextureExpert
from .generic import SdtaBlock
from .heads import Decoder, FineHeads
from .layers import PixelLinear, resize
from .mixture import Mixture
from .pvt_v2 import PvtV2


class Scale(nn.Module):
    """The layer between backbone and decoder at one scale."""

    def __init__(self, dim, experts):
        super().__init__()
        self.attend = SdtaBlock(dim)  # if attend
        self.mixture = Mixture(dim, experts)  # if mixture
        self.series = nn.ModuleList(expert(dim) for expert in experts)  # if series

    def forward(self, x):
        for expert in self.series:  # if series
            x = x + expert(x)
        return x  # if series
        return self.mixture(x)  # if mixture and not attend
        return self.mixture(self.attend(x))  # if mixture and attend


class CamoXpert(nn.Module):
    """Segments camouflaged objects: photograph -> logits of the object."""

    def __init__(
        self,
        backbone,
        dims,
        experts,
        width,
        head_width,  # if heads
        refinements,  # if heads
    ):
        super().__init__()
        self.backbone = backbone
        self.scales = nn.ModuleList(Scale(dim, experts) for dim in dims)
        self.decoder = Decoder(dims, width)
        self.sides = nn.ModuleList(PixelLinear(width, 1) for _ in dims[1:-1])
        self.heads = FineHeads(width, head_width, refinements)  # if heads
        self.plain = PixelLinear(width, 1)  # if not heads

    def forward(self, image):
        """Normalised images (B, 3, H, W) -> logits (B, 1, H, W).

        In training, a dict of everything that a loss may compare:
          logits  as above
          deep  logits of each coarser scale but the last, finest first
          search  logits of the coarsest scale  # if heads
          reverse  logits that reverse attention gives  # if heads
          steps  logits of the guess and of each refinement but the last  # if heads
          uncertainty  expected error of the guess  # if heads
          aux_loss  of the routers, to be added to the loss  # if aux_loss
        """
        height, width = image.shape[2:]
        image = F.pad(image, (0, -width % 32, 0, -height % 32))
        maps = self.backbone(image)
        maps = [scale(x) for scale, x in zip(self.scales, maps)]
        maps, search = self.decoder(maps)  # if heads
        logits, more = self.heads(maps[0])  # if heads
        maps = self.decoder(maps)  # if not heads
        logits = self.plain(maps[0])  # if not heads
        logits = resize(logits, image.shape[2:])[..., :height, :width]
        if not self.training:
            return logits
        out = {"logits": logits}
        out["deep"] = [side(x) for side, x in zip(self.sides, maps[1:])]
        out["search"] = search  # if heads
        out.update(more)  # if heads
        routers = [scale.mixture.router for scale in self.scales]  # if aux_loss
        out["aux_loss"] = sum(router.aux_loss for router in routers)  # if aux_loss
        return out

    def after_step(self):  # if counts
        """Lets the routers adapt; call it after optimizer.step()."""
        for scale in self.scales:
            scale.mixture.router.after_step()


def build():
    return CamoXpert(
        PvtV2(
            dims=(32, 64, 160, 256),
            depths=(2, 2, 2, 2),
            mlp_ratios=(8, 8, 4, 4),
            drop_path=0.1,
        ),
        dims=(32, 64, 160, 256),
        experts=(TextureExpert, FrequencyExpert, EdgeExpert, partial(SingleExpert, worth=2)),
        width=64,
        head_width=32,
        refinements=2,
    )
