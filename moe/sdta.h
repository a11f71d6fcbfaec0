// SDTA: self-attention over the whole map, and two gates that weight channels and positions before it.
//
// The encoder is multi-head self-attention over the pixels of a map, in one of three ways.  flash and plain compute the
// same function, softmax(q k^T / sqrt(D)) v, with O(N) and O(N^2) memory.  linear replaces the softmax by features f(u)
// = elu(u) + 1 > 0 and costs O(N D^2):
//   y_i = sum_n f(q_i).f(k_n) v_n / sum_n f(q_i).f(k_n) = f(q_i)^T (sum_n f(k_n) v_n^T) / f(q_i)^T (sum_n f(k_n))
// The denominator makes it a weighted mean of the values; without it the output would grow with the number of pixels.
// Katharopoulos et al. 2020, "Transformers are RNNs", arXiv:2006.16236, eq. 5 and 7.  The name SDTA is from EdgeNeXt
// (Maaz et al. 2022, arXiv:2206.10589), whose own encoder attends over channels: nn/backbones/edgenext.h.
#pragma once

#include "nn/layers.h"
#include "nn/recompute.h"
#include "tensor/names.h"

namespace camo::moe {

enum class AttentionKind { flash, plain, linear };
constexpr auto names_of(AttentionKind) { return std::array{"flash", "plain", "linear"}; }

struct SdtaOptions {
  AttentionKind kind = AttentionKind::flash;
  double dropout = 0.1;    // dropout of the result
  int64_t pool_above = 0;  // maps with more than pool_above^2 pixels pool their keys and values; 0: never
  int64_t pool_to = 11;    // side of the pooled map; a fixed number of keys (121) keeps the cost linear in the pixels
};

/// The largest divisor of dim that is at most 8.
int sdta_heads(int64_t dim);

/// f(x) = dropout(proj(attention(q, k, v))): (B, H, W, C) -> the same shape.  The caller adds x.  No norm and no
/// positional encoding.  4 C^2 + C parameters.
struct SdtaEncoder : nn::Module {
  SdtaOptions options;
  int heads;
  nn::Linear qkv, proj;  // qkv has no bias
  nn::Dropout drop;

  SdtaEncoder(nn::Scope s, int64_t dim, const SdtaOptions& options = {});
  Var forward(const Var& x);
};

/// A gate per channel from the image's mean, then one per pixel from its 5 x 5 neighbourhood.  A tenth of x is added,
/// so that nothing is lost behind a closed gate:
///   x1 = x * sigmoid(W2 relu(W1 mean(x))),   y = x1 * sigmoid(w . depthwise(x1)) + 0.1 x
/// W1 (r, C), W2 (C, r), r = max(C / 8, 8); no biases: 2 C r + 26 C parameters.
struct SdtaBlock : nn::Module {
  nn::Linear squeeze, excite;
  nn::DepthwiseConv2d around;
  nn::Linear place;

  SdtaBlock(nn::Scope s, int64_t dim);
  Var forward(const Var& x);
};

}  // namespace camo::moe
