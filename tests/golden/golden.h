// Compares backbones with timm: features and gradients of tests/golden/NAME.json, which
// tests/peers/backbone_golden.py made.
// The same counter formula in C++ and Python gives weights, images and projections.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nn/module.h"

namespace camo::golden {

/// Numbers in [-1, 1) with 24 bits: element i mixes the bits of hash(name) + i * an odd constant.
std::vector<double> counter(const std::string& name, int64_t n);
/// The weight of that name in f64, in the file's layout, rounded to f32.
Tensor weight(const std::string& name, const Shape& shape);

/// Sets every parameter from its name and shape: weights near their usual size, gains about 1; biases, layer scales and
/// temperatures well away from 0.
void set_weights(nn::Module& model);

/// The backbones that have a golden file, in the order of backbone_names(); at least the smallest of each family.
std::vector<std::string> backbones();
/// The parameter counts that the files state: of their own backbone and of its larger siblings.
std::map<std::string, int64_t> parameter_counts();

/// Checks that the parameters of backbone NAME are those of timm, by name and count.
void check_parameters(const std::string& name);
/// Checks four maps and the gradients in the file (all of them at its first size) at every size.
/// Tolerances for maps and gradients: 1e-11 and 1e-10 in f64, 5e-6 and 5e-5 in f32.
/// gradients: false skips the gradients.
void check_values(const std::string& name, DType dtype, bool gradients = true);

}  // namespace camo::golden
