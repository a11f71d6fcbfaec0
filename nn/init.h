// Initial values of weights.  Every value is a pure function of (seed, path of the parameter, element), so it depends
// neither on the rest of the network nor on the order of construction.
#pragma once

#include "nn/module.h"

namespace camo::nn {

/// trunc_normal     normal, sigma 0.02, cut at the absolute bounds -2 and 2 (timm's trunc_normal_); bias 0
/// trunc_normal_tf  the same, cut at two sigmas (timm's trunc_normal_tf_); bias 0
/// fan_out          normal, sigma sqrt(2 / fan_out), fan_out = kh kw O / groups; bias 0.  He et al. 2015
/// uniform          U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weight and bias: PyTorch's default
enum class Init { uniform, trunc_normal, trunc_normal_tf, fan_out };

/// A weight (O, ..., I / groups): linear (O, I), convolution (O, kh, kw, I / groups).
Start init_weight(Init init, int64_t groups = 1);
/// The bias (O) for a weight of that shape.
Start init_bias(Init init, const Shape& weight_shape);
/// A constant, such as 1 for the gain of a norm.
Start constant(double value);

/// Normal numbers; those outside [low, high] are drawn again.
Tensor trunc_normal(const Shape& shape, const RandomKey& key, double std, double low, double high, DType dtype);

}  // namespace camo::nn
