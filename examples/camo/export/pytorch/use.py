"""Loading a network, and using it on photographs."""

import json
import struct
import sys
from pathlib import Path

import torch

from .layers import resize
from .network import build
from .settings import DEVIATION, MEAN, SIZE


def read_safetensors(path):
    """The tensors of a file by name: a length, a JSON header, raw data."""
    dtypes = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    tensors = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        tensor = torch.frombuffer(
            data[begin:end], dtype=dtypes[about["dtype"]]
        )
        tensors[name] = tensor.reshape(about["shape"])
    return tensors


def load(folder=Path(__file__).parent):
    """The trained network, in evaluation mode; train() lets it go on."""
    network = build()
    tensors = read_safetensors(Path(folder) / "model.safetensors")
    network.load_state_dict(tensors, strict=True)
    return network.eval()


def resize_weights(source, target):
    """Weights of an antialiased bilinear resize along an axis.

    (target, source), in units of 2^-22 as in Pillow: a triangle that is as
    wide as the scale when shrinking.
    """
    scale = source / target
    centre = (torch.arange(target, dtype=torch.float64) + 0.5) * scale
    away = torch.arange(source) + 0.5 - centre[:, None]
    weight = (1 - (away / max(scale, 1.0)).abs()).clamp(min=0)
    weight = weight / weight.sum(1, keepdim=True)
    return (weight * 2**22 + 0.5).floor()


def resize_bytes(x, size):
    """Resizes (3, H, W) to size; columns, then rows, each to whole bytes."""

    def to_bytes(sums):
        return ((sums + 2**21) / 2**22).floor().clamp(0, 255)

    x = to_bytes(x.double() @ resize_weights(x.shape[2], size[1]).T)
    return to_bytes(resize_weights(x.shape[1], size[0]) @ x).float()


def normalised(image):
    """A photograph (H, W, 3) as the network wants it: (1, 3, *SIZE).

    The photograph has bytes or, as floats, numbers from 0 to 1.
    """
    x = image if torch.is_tensor(image) else torch.tensor(image)
    if x.is_floating_point():
        x = (x * 255).round()
    x = resize_bytes(x.cpu().permute(2, 0, 1), SIZE) / 255
    mean, deviation = torch.tensor(MEAN), torch.tensor(DEVIATION)
    return ((x - mean[:, None, None]) / deviation[:, None, None])[None]


def predict(image, network=None):
    """The probability of the object at each pixel: (H, W), 0 to 1.

    image is a photograph (H, W, 3), a tensor or array of bytes or of floats
    from 0 to 1.  Without a network, loads the one beside this file.  A
    network that is training goes on training after it.
    """
    network = load() if network is None else network
    device, training = next(network.parameters()).device, network.training
    network.eval()
    with torch.no_grad():
        p = network(normalised(image).to(device)).sigmoid()
    network.train(training)
    return resize(p, image.shape[:2])[0, 0]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python model.py PHOTOGRAPH MAP.png")
    try:
        from PIL import Image, ImageOps
    except ImportError:
        sys.exit("model.py needs Pillow to read photographs")
    photograph = Image.open(sys.argv[1])
    photograph = ImageOps.exif_transpose(photograph)  # if upright
    photograph = photograph.convert("RGB")
    pixels = torch.frombuffer(
        bytearray(photograph.tobytes()), dtype=torch.uint8
    ).reshape(photograph.height, photograph.width, 3)
    grey = (predict(pixels) * 255).round().byte()
    Image.frombytes("L", photograph.size, bytes(grey.flatten().tolist())).save(
        sys.argv[2]
    )
