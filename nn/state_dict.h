// state_dict: all numbers of a model by name, in PyTorch's names and layout.
//
// Names are paths ("stages.0.blocks.1.attn.q.weight"), equal to timm's where timm has the model.  Convolution
// weights are (O, kh, kw, I) in memory and (O, I, kh, kw) here: nothing outside nn/ ever sees the other order.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/io.h"

namespace camo::nn {

using camo::NamedTensors;  // an ordered list of names and tensors: what a weight file holds

/// Parameters, then saved buffers.  Tensors of unchanged layout alias the model; clone() to keep a moment.
NamedTensors state_dict(const Module& module);

struct LoadReport { std::vector<std::string> missing, unexpected; };

/// Writes the tensors into the model: everything or, on any error, nothing.  Floating types convert to the
/// parameter's.  Throws WeightsError that lists, up to 20 names each, what is missing, what is unexpected (with
/// the nearest name) and whose shape or type differs.  Not strict: the first two are legal and returned.
LoadReport load_state_dict(Module& module, const NamedTensors& tensors, bool strict = true);

/// Between memory and file layout.
Tensor to_file(const Tensor& x, FileLayout layout);
Tensor from_file(const Tensor& x, FileLayout layout);

}  // namespace camo::nn
