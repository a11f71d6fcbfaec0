// Pretrained weights: tensors under the names their publishers chose, into a backbone.
//
// Every name is read in each known way, and the way under which most names are the network's is taken: no rule has to
// guess from one telling key where a file comes from.  The ways:
//
//   timm               stages.0.blocks.1.mlp.fc1.weight, or stages_0.blocks... as its features_only models have it
//   PVT                block1.1.mlp.fc1.weight          github.com/whai362/PVT
//   EdgeNeXt/ConvNeXt  stages.0.1.pwconv1.weight        github.com/mmaaz60/EdgeNeXt, facebookresearch/ConvNeXt
//   Swin               layers.0.downsample.norm.weight  github.com/microsoft/Swin-Transformer: merges end a stage
//
// and before it one of the prefixes that wrappers leave: module., model., backbone., and those of Camo's checkpoints.
#pragma once

#include "nn/backbone.h"
#include "nn/state_dict.h"

namespace camo::nn {

struct WeightsReport : LoadReport {
  std::string reading;               // "timm names", "PVT names behind "model.""
  std::vector<std::string> heads;    // the classifier's: skipped
  std::vector<std::string> ignored;  // constants that the network computes itself (relative_position_index, attn_mask)
  std::vector<std::string> others;   // outside the prefix: other parts of a larger file
  std::vector<std::string> resized;  // tables of relative positions made for another window

  /// "timm names: 176 of 176 tensors, 100 % of the numbers; 2 of the classifier skipped: head.weight, head.bias"
  std::string text() const;
};

/// Writes the tensors into the network.  Strict: everything or nothing, throws WeightsError with the report when a
/// tensor is missing, unexpected, or of another shape, and names the backbone that the tensors are for; partial: what
/// fits.  Shapes that differ by axes of length one (a 1 x 1 convolution stored as a matrix) are the same numbers.
/// f16, bf16, f32 and f64 convert.
WeightsReport load_weights(Backbone& network, NamedTensors tensors, bool partial = false);

/// How a name of another dialect reads in timm's; nothing in them asks which network it is.
std::string timm_name(const std::string& features_name);  // stages_0.x -> stages.0.x
std::string timm_name_of_pvt(const std::string& name);
std::string timm_name_of_convnext(const std::string& name);  // and of EdgeNeXt
std::string timm_name_of_swin(const std::string& name);
/// The inverse of timm_name: what timm's features_only models call it.
std::string features_name(const std::string& timm_name);

}  // namespace camo::nn
