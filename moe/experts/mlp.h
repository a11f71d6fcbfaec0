// A pool of experts that act per pixel: E small MLPs of one shape, for routing by pixel.
//
// Their weights are one tensor, so all rows of a layer, sorted by expert, are one grouped product
// (tensor/ops/matmul.h), however uneven the load.  The drawback: an expert that was not chosen gets a gradient of
// zeros instead of none.  Gale et al. 2022, arXiv:2211.15841; Fedus et al. 2021, arXiv:2101.03961.
#pragma once

#include <algorithm>
#include <cmath>

#include "moe/experts.h"

namespace camo::moe {

/// Multiplies row group e of x by matrix e: x (R, in) -> (R, out).
struct GroupedLinear : nn::Module {
  Var &weight, &bias;  // (E, out, in), (E, out)
  GroupedLinear(nn::Scope s, int64_t experts, int64_t in, int64_t out)
      : Module(std::move(s)),
        weight(parameter("weight", {experts, out, in}, start(in))),
        bias(parameter("bias", {experts, out}, start(in), {.decay = false})) {}
  Var forward(const Var& x, const std::vector<int64_t>& begin) { return grouped_linear(x, weight, bias, begin); }

 private:
  /// U(-1 / sqrt(in), 1 / sqrt(in)), as for a linear layer.
  static nn::Start start(int64_t in) {
    return [bound = 1 / std::sqrt(double(in))](const Shape& shape, const RandomKey& key, DType dtype) {
      return rand(shape, key, -bound, bound, dtype);
    };
  }
};

/// The number of experts and the width of their hidden layer.
struct MlpPool {
  int64_t experts = 6, hidden = 64;
};

/// fc2(gelu(fc1(x))) per pixel, by the expert that its row was sent to.
struct MlpExperts : Experts {
  GroupedLinear fc1, fc2;
  MlpExperts(nn::Scope s, int64_t dim, const MlpPool& pool)
      : Experts(std::move(s)),
        fc1(sub("fc1"), pool.experts, dim, pool.hidden),
        fc2(sub("fc2"), pool.experts, pool.hidden, dim) {
    for (int64_t e = 0; e < pool.experts; ++e) names.push_back(text("mlp ", e));
  }

  Var results(const Var& packed, const std::vector<int64_t>& begin) override {
    const int64_t pixels = packed.shape().product(1, packed.rank() - 1);
    std::vector<int64_t> first = begin;  // first pixel of each expert
    for (int64_t& row : first) row *= pixels;
    Var x = reshape(packed, {first.back(), packed.dim(-1)});
    return reshape(fc2.forward(gelu(fc1.forward(x, first)), first), {packed.shape().begin(), packed.shape().end()});
  }

  Var one(int64_t e, const Var& rows) override {
    std::vector<int64_t> begin(names.size() + 1, rows.dim(0));
    std::fill_n(begin.begin(), e + 1, 0);
    return results(rows, begin);
  }
};

}  // namespace camo::moe
