#include "nn/layers.h"

#include <algorithm>
#include <numeric>

#include "autograd/checkpoint.h"

namespace camo::nn {

Linear::Linear(Scope s, int64_t in, int64_t out, const LinearOptions& o)
    : Module(std::move(s)),
      weight(parameter("weight", {out, in}, init_weight(o.init))),
      bias(o.bias ? parameter("bias", {out}, init_bias(o.init, {out, in}), {.decay = false}) : no_parameter()),
      act(o.act) {}

Var Linear::forward(const Var& x) { return linear(x, weight, bias, act); }

Var Linear::forward_scaled(const Var& x, const Var& gain) {
  return linear(x, weight * reshape(gain, {-1, 1}), bias.defined() ? bias * gain : bias, act);
}

Var Linear::forward_rows(const Var& x, int64_t begin, int64_t end) {
  return linear(x, slice_rows(weight, begin, end), bias.defined() ? slice_rows(bias, begin, end) : bias, act);
}

namespace {
Shape filter_shape(int64_t in, int64_t out, int64_t kernel, int64_t groups) {
  check<ConfigError>(groups > 0 && in % groups == 0 && out % groups == 0, "Conv2d: ", groups, " groups must divide ",
                     in, " input and ", out, " output channels");
  return {out, kernel, kernel, in / groups};
}
}  // namespace

Conv2d::Conv2d(Scope s, int64_t in, int64_t out, int64_t kernel, const ConvOptions& o)
    : Module(std::move(s)),
      weight(parameter("weight", filter_shape(in, out, kernel, o.groups), init_weight(o.init, o.groups),
                       {.layout = FileLayout::conv})),
      bias(o.bias ? parameter("bias", {out}, init_bias(o.init, weight.shape()), {.decay = false}) : no_parameter()),
      spec{.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups, .same = o.same} {}

Var Conv2d::forward(const Var& x) { return conv2d(x, weight, bias, spec); }

DepthwiseConv2d::DepthwiseConv2d(Scope s, int64_t channels, int64_t kernel, const DepthwiseOptions& o)
    : Conv2d(std::move(s), channels, channels, kernel,
             {.padding = o.dilation * (kernel - 1) / 2,
              .dilation = o.dilation,
              .groups = channels,
              .bias = o.bias,
              .init = o.init}) {}

LayerNorm::LayerNorm(Scope s, int64_t dim, double eps)
    : Module(std::move(s)),
      weight(parameter("weight", {dim}, constant(1), {.decay = false})),
      bias(parameter("bias", {dim}, constant(0), {.decay = false})),
      eps(eps) {}

Var LayerNorm::forward(const Var& x) { return layer_norm(x, weight, bias, eps); }

BatchNorm::BatchNorm(Scope s, int64_t dim, double eps, double momentum)
    : Module(std::move(s)),
      weight(parameter("weight", {dim}, constant(1), {.decay = false})),
      bias(parameter("bias", {dim}, constant(0), {.decay = false})),
      running_mean(buffer("running_mean", zeros({dim}, state().dtype))),
      running_var(buffer("running_var", ones({dim}, state().dtype))),
      num_batches_tracked(buffer("num_batches_tracked", zeros({}, DType::i64))),
      eps(eps),
      momentum(momentum) {}

Var BatchNorm::forward(const Var& x) {
  if (!training()) return batch_norm_eval(x, weight, bias, running_mean.value, running_var.value, eps);
  BatchStats stats;
  Var y = batch_norm(x, weight, bias, eps, &stats);
  if (recomputing()) return y;  // the first run has already updated the statistics
  measure({stats.mean, stats.variance, full({}, double(x.value().numel() / x.dim(-1)), DType::f64)});
  return y;
}

void BatchNorm::fold(const std::vector<Tensor>& measured) {
  auto stage = [&](Buffer& b, const Tensor& now, double factor) {
    b.staged = b.latest() * (1 - momentum) + now * (momentum * factor);
  };
  const double n = item(measured[2]);
  stage(running_mean, measured[0], 1);
  stage(running_var, measured[1], n / std::max(n - 1, 1.0));  // the running variance is unbiased, as in PyTorch
  num_batches_tracked.staged = full({}, item(num_batches_tracked.latest()) + 1, DType::i64);
}

std::vector<std::vector<double>> drop_path_rates(double last, const std::vector<int64_t>& depths) {
  const int64_t D = std::accumulate(depths.begin(), depths.end(), int64_t(0));
  std::vector<std::vector<double>> rates;
  int64_t k = 0;
  for (int64_t depth : depths)
    for (rates.emplace_back(); depth > 0; --depth)
      rates.back().push_back(last * double(k++) / double(std::max<int64_t>(D - 1, 1)));
  return rates;
}

Attention::Attention(Scope s, int64_t dim, int heads, Init init)
    : Module(std::move(s)),
      qkv(sub("qkv"), dim, 3 * dim, {.init = init}),
      proj(sub("proj"), dim, dim, {.init = init}),
      heads(heads) {
  check<ConfigError>(heads > 0 && dim % heads == 0, "Attention: ", heads, " heads must divide ", dim, " channels");
}

Var Attention::forward(const Var& x) {
  auto [B, N, C] = dims<3>(x.value(), "Attention: x (B, N, C)");
  Var q = qkv.forward_rows(x, 0, C), k = qkv.forward_rows(x, C, 2 * C), v = qkv.forward_rows(x, 2 * C, 3 * C);
  return proj.forward(attention(q, k, v, heads));
}

Mlp::Mlp(Scope s, int64_t dim, int64_t hidden, Init init)
    : Module(std::move(s)),
      fc1(sub("fc1"), dim, hidden, {.init = init, .act = Act::gelu}),
      fc2(sub("fc2"), hidden, dim, {.init = init}) {}

}  // namespace camo::nn
