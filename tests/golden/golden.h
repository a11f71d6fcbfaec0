// Backbones against timm: features and gradients of tests/golden/NAME.json, which tests/peers/backbone_golden.py made.
// Weights, images and projections come from one counter formula in both languages.
#pragma once

#include <string>

#include "nn/module.h"

namespace camo::golden {

/// Gives every parameter the value that its name and shape stand for: weights near their usual size, gains about 1,
/// biases, layer scales and temperatures well away from 0.
void set_weights(nn::Module& model);

/// The parameters of backbone NAME are those of timm, by name and number.
void check_parameters(const std::string& name);
/// Four maps and the file's gradients (all of them at its first size), at every size.  f64: 1e-11 and 1e-10; f32: 5e-6 and 5e-5.
void check_values(const std::string& name, DType dtype);

}  // namespace camo::golden
