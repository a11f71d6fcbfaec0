"""Compares the pixels that Camo reads with Pillow's, picture by picture, by the checksums that `camo inspect` prints.

    python tests/peers/pictures.py --camo build/camo FOLDER...

A picture that one of the two refuses is listed, with what Camo says.  Needs Pillow and numpy.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import warnings
import zlib

import numpy as np
from PIL import Image, ImageFile, ImageOps

warnings.simplefilter("ignore")
Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = False


def by_pillow(path):
    """(photograph, mask) as Camo defines them: upright RGB, and stored grey; 16 bits are rounded to 8."""
    image = Image.open(path)
    luma = None
    if image.format == "JPEG":  # the file's own luma, which RGB would round
        luma = Image.open(path)
        luma.draft("L", luma.size)
    image.load()
    upright = ImageOps.exif_transpose(image)

    def eight_bits(x):
        if x.mode in ("I;16", "I;16B", "I"):
            return Image.fromarray(((np.asarray(x).astype(np.uint32) * 255 + 32895) >> 16).astype(np.uint8))
        return x

    photograph = np.asarray(eight_bits(upright).convert("RGB"))
    stored = luma if luma and luma.mode == "L" else eight_bits(image)
    if stored.mode in ("LA", "La"):
        stored = stored.getchannel(0)
    if stored.mode not in ("L", "1"):
        stored = stored.convert("RGB").convert("L")
    return zlib.crc32(photograph.tobytes()), zlib.crc32(np.asarray(stored.convert("L")).tobytes())


def by_camo(camo, path):
    run = subprocess.run([camo, "inspect", "--", str(path)], capture_output=True, text=True, errors="replace")
    found = re.search(r"RGB\) ([0-9a-f]{8}), as a mask \(as stored, grey\) ([0-9a-f]{8})", run.stdout)
    return (int(found[1], 16), int(found[2], 16)) if found else run.stderr.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--camo", default="build/camo")
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    counts = {"equal": 0, "photograph differs": 0, "mask differs": 0, "refused by both": 0, "refused by Camo": 0,
              "refused by Pillow": 0}
    for folder in options.folders:
        for path in sorted(p for p in pathlib.Path(folder).rglob("*")
                           if p.is_file() and p.suffix.lower() in (".png", ".jpg", ".jpeg")):
            head = path.read_bytes()[:4]
            if head != b"\x89PNG" and head[:3] != b"\xff\xd8\xff":
                continue
            camo = by_camo(options.camo, path)
            try:
                pillow = by_pillow(path)
            except Exception as error:  # Pillow raises many kinds
                pillow = str(error)
            if isinstance(camo, str) or isinstance(pillow, str):
                both = isinstance(camo, str) and isinstance(pillow, str)
                kind = "refused by both" if both else "refused by Camo" if isinstance(camo, str) else "refused by Pillow"
                print(f"{kind:<20} {path.name}: {camo if isinstance(camo, str) else pillow}")
            else:
                kind = ("equal" if camo == pillow else
                        "photograph differs" if camo[0] != pillow[0] else "mask differs")
                if kind != "equal":
                    print(f"{kind:<20} {path}")
            counts[kind] += 1
    print(", ".join(f"{n} {kind}" for kind, n in counts.items()))
    return counts["photograph differs"] + counts["mask differs"] > 0


if __name__ == "__main__":
    sys.exit(main())
