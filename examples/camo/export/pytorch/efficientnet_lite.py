"""EfficientNet-Lite: Tan, Le 2019, arXiv:1905.11946; ReLU6, no squeeze-and-excitation.  Names are timm's."""

import torch.nn.functional as F
from torch import nn

from .layers import DropPath


class SameConv2d(nn.Conv2d):
    """Pads as TensorFlow does: the odd pixel goes to the right and below."""

    def forward(self, x):
        pads = []
        for axis in (1, 0):  # F.pad begins with the last axis
            length, stride = x.shape[2 + axis], self.stride[axis]
            steps = -(-length // stride) - 1
            pad = max(steps * stride + self.kernel_size[axis] - length, 0)
            pads += [pad // 2, pad - pad // 2]
        return super().forward(F.pad(x, pads))


def lite_conv(channels, dim, kernel, stride=1, groups=1):
    """A convolution without bias: a batch norm follows it."""
    return SameConv2d(
        channels, dim, kernel, stride, groups=groups, bias=False
    )


class LiteFirstBlock(nn.Module):
    """Filters each channel, then narrows."""

    def __init__(self, channels, dim):
        super().__init__()
        self.conv_dw = lite_conv(channels, channels, 3, groups=channels)
        self.bn1 = nn.BatchNorm2d(channels, eps=1e-3)
        self.conv_pw = lite_conv(channels, dim, 1)
        self.bn2 = nn.BatchNorm2d(dim, eps=1e-3)

    def forward(self, x):
        return self.bn2(self.conv_pw(F.relu6(self.bn1(self.conv_dw(x)))))


class LiteBlock(nn.Module):
    """Widens sixfold, filters each channel, narrows.

    Sandler et al. 2018, arXiv:1801.04381.
    """

    def __init__(self, channels, dim, kernel, stride, rate):
        super().__init__()
        wide = 6 * channels
        self.conv_pw = lite_conv(channels, wide, 1)
        self.bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self.conv_dw = lite_conv(wide, wide, kernel, stride, groups=wide)
        self.bn2 = nn.BatchNorm2d(wide, eps=1e-3)
        self.conv_pwl = lite_conv(wide, dim, 1)
        self.bn3 = nn.BatchNorm2d(dim, eps=1e-3)
        self.drop_path = DropPath(rate)
        self.shortcut = stride == 1 and channels == dim

    def forward(self, x):
        y = F.relu6(self.bn1(self.conv_pw(x)))
        y = F.relu6(self.bn2(self.conv_dw(y)))
        y = self.bn3(self.conv_pwl(y))
        return x + self.drop_path(y) if self.shortcut else y


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite: image -> maps at strides 4, 8, 16, 32.

    Tan, Le 2019, arXiv:1905.11946.
    """

    KERNELS = (3, 3, 5, 3, 5, 5, 3)
    STRIDES = (1, 2, 2, 2, 1, 2, 1)
    MAPS = (1, 2, 4, 6)  # stages whose output is a map

    def __init__(self, channels, depths, drop_path):
        super().__init__()
        self.conv_stem = lite_conv(3, 32, 3, 2)
        self.bn1 = nn.BatchNorm2d(32, eps=1e-3)
        first = LiteFirstBlock(32, channels[0])
        self.blocks = nn.ModuleList([nn.Sequential(first)])
        for i in range(1, 7):
            stage = nn.Sequential()
            for k in range(depths[i]):
                stage.append(
                    LiteBlock(
                        channels[i if k > 0 else i - 1],
                        channels[i],
                        self.KERNELS[i],
                        self.STRIDES[i] if k == 0 else 1,
                        drop_path * (sum(depths[:i]) + k) / sum(depths),
                    )
                )
            self.blocks.append(stage)

    def forward(self, image):
        x = F.relu6(self.bn1(self.conv_stem(image)))
        maps = []
        for i, stage in enumerate(self.blocks):
            x = stage(x)
            if i in self.MAPS:
                maps.append(x)
        return maps
