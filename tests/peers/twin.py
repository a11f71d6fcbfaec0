"""The module tree of Camo's networks in PyTorch: same names, same shapes.  It holds parameters and computes nothing; what
it proves is that load_state_dict(strict=True) takes what Camo writes, and that Camo takes it back (roundtrip.py)."""

import timm
from torch import nn


def timm_backbone(name, built=(224, 224)):
    """timm's backbone under dotted names, without its classifier."""
    if name.startswith("swin"):
        model = timm.create_model(name + "_patch4_window7_224", num_classes=0, img_size=built, strict_img_size=False)
        model.norm = nn.Identity()
    else:
        model = timm.create_model(name, num_classes=0)
        if hasattr(model.head, "norm"):
            model.head.norm = nn.Identity()
    return model


class Pointwise(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv, self.norm = nn.Linear(i, o), nn.LayerNorm(o)


class Depthwise(nn.Conv2d):
    def __init__(self, dim, kernel):
        super().__init__(dim, dim, kernel, groups=dim)


class DilatedBranch(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.squeeze, self.filter, self.norm = nn.Linear(i, o), Depthwise(o, 3), nn.LayerNorm(o)


class Texture(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.near, self.mid, self.far = (DilatedBranch(dim, dim // 4) for _ in range(3))
        self.farther = DilatedBranch(dim, dim - 3 * (dim // 4))
        self.fuse = Pointwise(dim, dim)


class Frequency(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.low, self.mid, self.high = (Pointwise(dim, dim // 4) for _ in range(3))
        self.all, self.fuse = Pointwise(dim, dim - 3 * (dim // 4)), Pointwise(dim, dim)


class Edge(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.slope, self.curve, self.both = (Pointwise(dim, dim // 4) for _ in range(3))
        self.all, self.fuse = Pointwise(dim, dim - 3 * (dim // 4)), Pointwise(dim, dim)


class Contrast(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.filter, self.detail = Depthwise(dim, 3), Pointwise(dim, dim // 2)
        self.contrast, self.fuse = Pointwise(dim, dim - dim // 2), Pointwise(dim, dim)


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        inner = (dim + 3) // 4 * 2
        self.norm = nn.LayerNorm(dim)
        self.query, self.key, self.value = (nn.Linear(dim, inner) for _ in range(3))
        self.all, self.fuse = Pointwise(dim, dim // 4), Pointwise(inner + dim // 4, dim)


class Hybrid(nn.Module):
    def __init__(self, dim):
        super().__init__()
        few = max(dim // 16, 1)
        self.filter, self.local = Depthwise(dim, 5), Pointwise(dim, dim)
        self.squeeze, self.excite, self.fuse = nn.Linear(dim, few), nn.Linear(few, dim), Pointwise(dim, dim)


class Router(nn.Module):
    def __init__(self, dim, experts):
        super().__init__()
        self.gate = nn.Linear(dim, experts)
        self.register_buffer("balance", self.gate.bias.detach().clone())


class Moe(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.experts = nn.ModuleList(kind(dim) for kind in (Texture, Frequency, Edge, Contrast, Attention, Hybrid))
        self.router = Router(dim, len(self.experts))


class ConvBlock(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(i, o, 3, bias=False), nn.BatchNorm2d(o)


class Decoder(nn.Module):
    def __init__(self, dims, width):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Linear(dim, width) for dim in dims)
        self.refine = nn.ModuleList(ConvBlock(width, width) for _ in dims)
        self.search = nn.Linear(width, 1)


class CamoXpert(nn.Module):
    """camoxpert-sparse"""

    def __init__(self, backbone, dims, built=(224, 224), width=64):
        super().__init__()
        self.backbone = timm_backbone(backbone, built)
        self.moe = nn.ModuleList(Moe(dim) for dim in dims)
        self.decoder = Decoder(dims, width)
        self.heads = nn.ModuleList(nn.Linear(width, 1) for _ in dims[:-1])
