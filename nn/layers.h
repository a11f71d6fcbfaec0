// Layers: thin modules over autograd/ops.h.  Parameter names and initial values are those of timm or PyTorch.
#pragma once

#include "autograd/ops.h"
#include "nn/init.h"
#include "nn/module.h"

namespace camo::nn {

struct LinearOptions {
  bool bias = true;
  Init init = Init::uniform;
  Act act = Act::none;
};

/// y = act(x W^T + b) for x (..., in); weight (out, in), bias (out).
///   Linear fc(sub("fc"), in, out, {.bias = false});
struct Linear : Module {
  Var &weight, &bias;  // bias is undefined if the layer has none
  Act act;
  Linear(Scope s, int64_t in, int64_t out, const LinearOptions& options = {});
  Var forward(const Var& x);
  /// act(gain * (x W^T + b)), gain (out): layer scale by scaling the rows of the weight, without a pass over the map.
  Var forward_scaled(const Var& x, const Var& gain);
  /// Uses only rows [begin, end) of the weight: part of a fused projection (kv, qkv), without slicing activations.
  Var forward_rows(const Var& x, int64_t begin, int64_t end);
};

struct ConvOptions {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;  // this and `same` as in ConvSpec
  bool same = false;
  bool bias = true;
  Init init = Init::uniform;
};

/// x (B, H, W, in) -> (B, H', W', out).
struct Conv2d : Module {
  Var &weight, &bias;
  ConvSpec spec;
  Conv2d(Scope s, int64_t in, int64_t out, int64_t kernel, const ConvOptions& options = {});
  Var forward(const Var& x);
};

struct DepthwiseOptions {
  int64_t dilation = 1;
  bool bias = true;
  Init init = Init::uniform;
};

/// One k x k filter per channel, stride 1; padded so that an odd kernel keeps the size.
struct DepthwiseConv2d : Conv2d {
  DepthwiseConv2d(Scope s, int64_t channels, int64_t kernel, const DepthwiseOptions& options = {});
};

struct LayerNorm : Module {
  Var &weight, &bias;
  double eps;
  LayerNorm(Scope s, int64_t dim, double eps = 1e-6);
  Var forward(const Var& x);
};

/// Training: uses the statistics of the batch and stages the running ones (momentum 0.1, unbiased
/// variance, as PyTorch).
/// Evaluation: uses the running ones.
struct BatchNorm : Module {
  Var &weight, &bias;
  Buffer &running_mean, &running_var, &num_batches_tracked;
  double eps, momentum;
  BatchNorm(Scope s, int64_t dim, double eps = 1e-5, double momentum = 0.1);
  Var forward(const Var& x);
  /// measured: mean and biased variance of a batch (dim), and the number of its rows.
  void fold(const std::vector<Tensor>& measured) override;
};

struct Dropout : Module {
  double p;
  Dropout(Scope s, double p) : Module(std::move(s)), p(p) {}
  Var forward(const Var& x) { return training() && p > 0 ? dropout(x, p, random_key(Domain::dropout)) : x; }
};

struct DropPath : Module {
  double p;
  DropPath(Scope s, double p) : Module(std::move(s)), p(p) {}
  Var forward(const Var& x) { return training() && p > 0 ? drop_path(x, p, random_key(Domain::drop_path)) : x; }
};

/// Drop path rates for the blocks of every stage: block k of all D blocks gets last * k / (D - 1).
std::vector<std::vector<double>> drop_path_rates(double last, const std::vector<int64_t>& depths);

/// Self-attention over tokens (B, N, C): a fused qkv projection, heads, an output projection.
struct Attention : Module {
  Linear qkv, proj;
  int heads;
  Attention(Scope s, int64_t dim, int heads, Init init = Init::trunc_normal);
  Var forward(const Var& x);
};

/// fc2(gelu(fc1(x)))
struct Mlp : Module {
  Linear fc1, fc2;
  Mlp(Scope s, int64_t dim, int64_t hidden, Init init = Init::trunc_normal);
  Var forward(const Var& x) { return fc2.forward(fc1.forward(x)); }
  Var forward_scaled(const Var& x, const Var& gain) { return fc2.forward_scaled(fc1.forward(x), gain); }
};

}  // namespace camo::nn
