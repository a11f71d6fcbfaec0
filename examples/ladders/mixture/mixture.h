// The ladder of the mixture, forward: row r goes to K of E experts, each two products around a GELU,
//
//   y[r] = sum over k of weight[r, k] * W2[e] gelu(W1[e] x[r]),   e = expert[r, k]
//
// x (R, C), W1 (E, H, C), W2 (E, C, H).  The rungs call the library's functions on tensors: what differs is on which rows.
#pragma once

#include "tensor/ops/elementwise.h"
#include "tensor/ops/index.h"
#include "tensor/ops/layout.h"
#include "tensor/ops/matmul.h"

namespace camo::ladder {

struct Mixture {
  Tensor x, expert, weight, W1, W2;  // expert (R, K) i64, weight (R, K)
  int64_t R() const { return x.dim(0); }
  int64_t K() const { return expert.dim(1); }
  int64_t E() const { return W1.dim(0); }
  /// What expert e makes of some rows.
  Tensor expert_of(int64_t e, const Tensor& rows) const {
    const auto matrix = [e](const Tensor& W) { return W.slice(e, e + 1).reshape({W.dim(1), W.dim(2)}); };
    return linear(linear(rows, matrix(W1), {}, Act::gelu), matrix(W2));
  }
};

Tensor mixture_1_loop(const Mixture& m);
Tensor mixture_2_all(const Mixture& m);
Tensor mixture_3_sorted(const Mixture& m);
Tensor mixture_4_grouped(const Mixture& m);
Tensor mixture_5_threads(const Mixture& m);

}  // namespace camo::ladder
