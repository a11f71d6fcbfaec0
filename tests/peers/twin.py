"""The module tree of Camo's networks in PyTorch, with the same names and shapes.  It holds parameters and computes
nothing.  roundtrip.py uses it to check that load_state_dict(strict=True) takes what Camo writes, and the reverse."""

import timm
from torch import nn


def timm_backbone(name, built=(224, 224)):
    """timm's full backbone model (dotted names) without its classifier."""
    if name.startswith("swin"):
        model = timm.create_model(name + "_patch4_window7_224", num_classes=0, img_size=built, strict_img_size=False)
        model.norm = nn.Identity()
    elif name.startswith("efficientnet_lite"):  # the features_only model has the names of the whole one
        model = timm.create_model("tf_" + name, features_only=True, out_indices=(1, 2, 3, 4))
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


class SurroundBranch(nn.Module):
    def __init__(self, i, o, kernel):
        super().__init__()
        self.squeeze, self.surround, self.norm = nn.Linear(i, o), Depthwise(o, kernel), nn.LayerNorm(o)


class Contrast(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.small, self.medium, self.large = (SurroundBranch(dim, dim // 4, k) for k in (3, 5, 7))
        self.all, self.fuse = Pointwise(dim, dim - 3 * (dim // 4)), Pointwise(dim, dim)


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


class Single(nn.Module):
    def __init__(self, dim, worth=2):
        super().__init__()
        self.filter, self.widen, self.fuse = Depthwise(dim, 7), Pointwise(dim, worth * dim), Pointwise(worth * dim, dim)


class FullDilatedBranch(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.squeeze, self.filter, self.norm = nn.Linear(i, o), nn.Conv2d(o, o, 3), nn.LayerNorm(o)


class FullTexture(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.near, self.mid, self.far = (FullDilatedBranch(dim, dim // 4) for _ in range(3))
        self.farther, self.fuse = FullDilatedBranch(dim, dim - 3 * (dim // 4)), Pointwise(dim, dim)


class Encoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.qkv, self.proj = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)


class FullAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.encoder = Encoder(dim)


class FullHybrid(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.filter, self.norm = Depthwise(dim, 5), nn.LayerNorm(dim)
        self.local, self.squeeze = nn.Linear(dim, dim), nn.Linear(dim, dim // 4)
        self.excite, self.fuse = nn.Linear(dim // 4, dim), nn.Linear(dim, dim)


def views(*names):
    class Views(nn.Module):
        def __init__(self, dim):
            super().__init__()
            for name in names[:3]:
                setattr(self, name, Pointwise(dim, dim // 4))
            setattr(self, names[3], Pointwise(dim, dim - 3 * (dim // 4)))
            self.fuse = Pointwise(dim, dim)

    return Views


FourViews, Context = views("first", "second", "third", "fourth"), views("fine", "mid", "coarse", "whole")


class FullFrequency(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.bands = FourViews(dim)


class FullEdge(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.edges = FourViews(dim)


class FullContrast(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.filter, self.norm = Depthwise(dim, 3), nn.LayerNorm(dim)
        self.mix, self.mix_norm, self.fuse = nn.Linear(dim, dim), nn.LayerNorm(dim), Pointwise(dim, dim)


class SdtaBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        few = max(dim // 8, 8)
        self.squeeze, self.excite = nn.Linear(dim, few, bias=False), nn.Linear(few, dim, bias=False)
        self.around, self.place = nn.Conv2d(dim, dim, 5, groups=dim, bias=False), nn.Linear(dim, 1, bias=False)


class ContentViews(nn.Module):
    def __init__(self, dim):
        super().__init__()
        few = dim // 4
        self.spatial = nn.Conv2d(dim, few, 3, groups=few)
        self.channel, self.max, self.mix = nn.Linear(dim, few), nn.Linear(dim, few), nn.Linear(3 * few, dim // 2)


MODELS = ("camoxpert", "camoxpert-cod", "camoxpert-sparse", "camoxpert-single")
COD = (Texture, Frequency, Edge, Contrast, Attention, Hybrid)
GENERIC = (FullTexture, FullAttention, FullHybrid, FullFrequency, FullEdge, Context, FullContrast)


class Router(nn.Module):
    def __init__(self, dim, experts, by_content):
        super().__init__()
        if by_content:
            self.views = ContentViews(dim)
        self.gate = nn.Linear(dim // 2 if by_content else dim, experts)
        self.register_buffer("balance", self.gate.bias.detach().clone())


class Moe(nn.Module):
    def __init__(self, dim, kinds, by_content):
        super().__init__()
        self.experts = nn.ModuleList(kind(dim) for kind in kinds)
        self.router = Router(dim, len(self.experts), by_content)


class Scale(nn.Module):
    def __init__(self, dim, model):
        super().__init__()
        if model == "camoxpert":
            self.attend, self.mixture = SdtaBlock(dim), Moe(dim, GENERIC, by_content=True)
        elif model == "camoxpert-sparse":
            self.mixture = Moe(dim, COD, by_content=False)
        else:
            self.series = nn.ModuleList(kind(dim) for kind in (COD if model == "camoxpert-cod" else (Single,)))


class ConvBlock(nn.Module):
    def __init__(self, i, o, kernel=3, bias=True):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(i, o, kernel, bias=bias), nn.BatchNorm2d(o)


class Search(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.look, self.look_again, self.head = ConvBlock(dim, dim // 2), ConvBlock(dim // 2, dim // 2), nn.Linear(dim // 2, 1)
        self.identify, self.mix = ConvBlock(dim, dim), ConvBlock(dim, dim, 1)


class ReverseAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.squeeze, self.squeeze_again = ConvBlock(dim, dim // 2), ConvBlock(dim // 2, dim // 4)
        self.background = nn.Linear(dim // 4, 1)
        self.refine, self.refine_again = ConvBlock(dim + 1, dim), ConvBlock(dim, dim)


class BoundaryUncertainty(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.shared, self.mean_block, self.unsure_block = ConvBlock(dim, dim), ConvBlock(dim, dim // 2), ConvBlock(dim, dim // 2)
        self.mean, self.unsure = nn.Linear(dim // 2, 1), nn.Linear(dim // 2, 1)


class RefinementStep(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.look, self.look_again, self.correction = ConvBlock(dim + 2, dim), ConvBlock(dim, dim), nn.Linear(dim, 1)


class FineHeads(nn.Module):
    def __init__(self, width, dim, steps=2):
        super().__init__()
        self.narrow, self.reverse, self.uncertainty = nn.Linear(width, dim), ReverseAttention(dim), BoundaryUncertainty(dim)
        self.refinement = nn.ModuleDict({"steps": nn.ModuleList(RefinementStep(dim) for _ in range(steps))})


class Decoder(nn.Module):
    def __init__(self, dims, width, search):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Linear(dim, width) for dim in dims)
        self.refine = nn.ModuleList(ConvBlock(width, width, bias=False) for _ in dims)
        if search:
            self.search = Search(width)


class CamoXpert(nn.Module):
    def __init__(self, backbone, dims, model="camoxpert-sparse", built=(224, 224), width=64, head_width=32):
        super().__init__()
        self.backbone = timm_backbone(backbone, built)
        self.scales = nn.ModuleList(Scale(dim, model) for dim in dims)
        self.decoder = Decoder(dims, width, search=model != "camoxpert")
        self.sides = nn.ModuleList(nn.Linear(width, 1) for _ in dims[1:-1])
        if model == "camoxpert":
            self.plain = nn.Linear(width, 1)
        else:
            self.heads = FineHeads(width, head_width)
