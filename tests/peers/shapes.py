"""Compares the shapes that Camo finds in maps with pycocotools and shapely.

    CAMO_SHAPES=S build/tests/camo_tests --source-file='*shapes_test*'       # 400 random maps and their shapes
    python tests/peers/shapes.py S/map S/coco.json S/objects.jsonl

MAPS are the PNG files that the names in the two texts mean, by their stems.  What must hold: the decoded mask is
value / 255 > threshold, bit for bit, and its text is the one that pycocotools writes; areas and boxes are pycocotools';
polygons are valid, have the area, are ordered as GeoJSON asks and give the mask back.  Needs pycocotools, shapely,
numpy and Pillow.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import shapely
from PIL import Image
from pycocotools import mask as coco_mask
from shapely.geometry import shape


def mask_of(folder, name, threshold):
    values = np.asarray(Image.open(folder / (pathlib.Path(name).stem + ".png")).convert("L"))
    return values / 255 > threshold, values


def check_coco(document, folder, threshold):
    """Yields what is wrong."""
    annotations = {a["image_id"]: a for a in document["annotations"]}
    if len(annotations) != len(document["annotations"]):
        yield "an image has two annotations"
    for image in document["images"]:
        name = image["file_name"]
        mask, values = mask_of(folder, name, threshold)
        if mask.shape != (image["height"], image["width"]):
            yield f"{name}: another size"
        if image["id"] not in annotations:
            if mask.any():
                yield f"{name}: has an object, but no annotation"
            continue
        a = annotations[image["id"]]
        theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        if a["segmentation"]["counts"].encode() != theirs["counts"] or a["segmentation"]["size"] != theirs["size"]:
            yield f"{name}: another text of run lengths than pycocotools'"
        if not np.array_equal(coco_mask.decode(a["segmentation"]), mask):
            yield f"{name}: another mask"
        if a["area"] != coco_mask.area(theirs) or a["bbox"] != coco_mask.toBbox(theirs).tolist():
            yield f"{name}: another area or box"
        if abs(a["score"] - values[mask].mean() / 255) > 1e-12:
            yield f"{name}: another score"


def check_feature(feature, folder):
    values = feature["properties"]
    name = values["photograph"]
    mask, _ = mask_of(folder, name, values["threshold"])
    polygons = shape(feature["geometry"])
    if not polygons.is_valid:
        yield f"{name}: {shapely.is_valid_reason(polygons)}"
    if polygons.area != mask.sum() or values["area"] != mask.sum():
        yield f"{name}: area {polygons.area}, {values['area']} instead of {mask.sum()}"
    for part in polygons.geoms:
        if not part.exterior.is_ccw or any(hole.is_ccw for hole in part.interiors):
            yield f"{name}: a ring runs the wrong way"
    if len(polygons.geoms) != values["parts"]:
        yield f"{name}: {values['parts']} parts named, {len(polygons.geoms)} drawn"
    if mask.any():
        x, y, w, h = values["box"]
        if polygons.bounds != (x, y, x + w, y + h):
            yield f"{name}: another box"
        rows, columns = np.indices(mask.shape)
        if not np.array_equal(shapely.contains_xy(polygons, columns + 0.5, rows + 0.5), mask):
            yield f"{name}: the polygons do not give the mask back"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("maps", type=pathlib.Path)
    parser.add_argument("coco", type=pathlib.Path)
    parser.add_argument("objects", type=pathlib.Path)
    options = parser.parse_args()
    features = [json.loads(line) for line in options.objects.read_text().splitlines()]
    document = json.loads(options.coco.read_text())
    thresholds = {f["properties"]["threshold"] for f in features}
    wrong = [] if len(thresholds) == 1 else [f"{len(thresholds)} thresholds"]
    if [f["properties"]["photograph"] for f in features] != [i["file_name"] for i in document["images"]]:
        wrong.append("the two texts name other photographs")
    wrong += check_coco(document, options.maps, min(thresholds))
    for feature in features:
        wrong += check_feature(feature, options.maps)
    print(*wrong, sep="\n")
    print(f"{len(features)} photographs, {len(document['annotations'])} with an object, "
          f"{sum(f['properties']['parts'] for f in features)} parts, {len(wrong)} errors")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
