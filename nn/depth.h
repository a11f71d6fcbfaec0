// The order of a backbone's parameters from its input to its output, for training that depends on depth: smaller
// learning rates for early layers, and unfreezing from the deepest part.
#pragma once

#include "nn/module.h"

namespace camo::nn {

/// Groups of parameter names, in the order of construction, which in a backbone is the order of computation.
using NameGroups = std::vector<std::vector<std::string>>;

/// The layers of a backbone.  The first is its stem.  Each block ("stages.2.blocks.4", "blocks.3.1") begins a new layer;
/// what lies outside blocks (a stage's norm, the next stage's downsampling) belongs to the layer before it.
NameGroups layers(const Module& backbone);
/// Its parts: the stem, then each stage.
NameGroups parts(const Module& backbone);

/// The factor of the learning rate for each of n layers: decay^(n - i) for layer i, so decay for the last one.
/// Bao et al. 2022, "BEiT", arXiv:2106.08254, section 3.2.
std::vector<double> layer_rates(size_t n, double decay);

}  // namespace camo::nn
