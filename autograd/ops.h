// Every differentiable function of Camo.
//
// Conventions: B batch, H W height width, C channels, N tokens, R rows; images are (B, H, W, C), tokens (B, N, C).
// x is f32, f64 or bf16; weights, gains and biases are f32 (f64 with f64); results have x's dtype.
// Wrong shapes raise ShapeError, mixed dtypes DTypeError; both name the op and the shapes.
// Functions without a gradient (argmax, top_k, histogram, ...) exist for Tensor only: see tensor/ops/index.h.
#pragma once

#include <optional>

#include "autograd/var.h"
#include "tensor/ops/attention.h"
#include "tensor/ops/conv.h"
#include "tensor/ops/dropout.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/index.h"
#include "tensor/ops/layout.h"
#include "tensor/ops/loss.h"
#include "tensor/ops/matmul.h"
#include "tensor/ops/norm.h"
#include "tensor/ops/reduce.h"
#include "tensor/ops/resample.h"
#include "tensor/ops/softmax.h"
#include "tensor/ops/window_attention.h"

namespace camo {

// ---- elementwise ------------------------------------------------------------------------------------------

/// The functions of tensor/ops/elementwise.h take a Var as well as a Tensor: exp, gelu, clamp, add, maximum and all
/// others there, and the operators + - * /.
template <> inline constexpr bool is_numeric<Var> = true;
template <class F> Var unary(const Var& x, F f = {});
template <class F> Var binary(const Var& a, const Var& b, F f = {});

/// mask (u8) != 0 ? a : b; all three broadcast.
Var where(const Tensor& mask, const Var& a, const Var& b);

// ---- reductions over any set of axes; axes == {} means all; keep leaves axes of length 1 ------------------

Var sum(const Var& x, const std::vector<int>& axes = {}, bool keep = false);
Var mean(const Var& x, const std::vector<int>& axes = {}, bool keep = false);  // of no elements: ShapeError
Var max(const Var& x, const std::vector<int>& axes = {}, bool keep = false);   // gradient to the first maximum
Var min(const Var& x, const std::vector<int>& axes = {}, bool keep = false);
Var variance(const Var& x, const std::vector<int>& axes = {}, bool keep = false);  // biased (divides by n)

// ---- products ---------------------------------------------------------------------------------------------

/// a (..., M, K) x b (..., K, N) -> (..., M, N); with Trans::yes the last two axes of that operand are swapped.
/// The leading axes are equal, or b has none (then those of a fold into M).
Var matmul(const Var& a, const Var& b, Trans ta = Trans::no, Trans tb = Trans::no);
/// act(x W^T + b): x (..., I), weight (O, I), bias (O) or undefined.
Var linear(const Var& x, const Var& weight, const Var& bias = {}, Act act = Act::none);
/// Multiplies row group e of x by the matrix of expert e: x (R, I), weight (E, O, I), bias (E, O) or undefined.  begin
/// has E + 1 offsets into R, ascending from 0 to R; groups may be empty.
Var grouped_linear(const Var& x, const Var& weight, const Var& bias, const std::vector<int64_t>& begin);

// ---- layout -----------------------------------------------------------------------------------------------

Var reshape(const Var& x, std::vector<int64_t> dims);  // a view; one axis may be -1
/// Rows [begin, end) of the leading axis: a view.  Its gradient is added to those rows of x's gradient.
Var slice_rows(const Var& x, int64_t begin, int64_t end);
Var permute(const Var& x, const std::vector<int>& order);  // axis i of y is axis order[i] of x
Var concat(const Vars& parts, int axis);
Var slice(const Var& x, int axis, int64_t begin, int64_t end);                                     // a copy
Var pad(const Var& x, const std::vector<std::pair<int64_t, int64_t>>& margins, double value = 0);  // per axis
Var flip(const Var& x, int axis);
Var cast(const Var& x, DType to);
Var expand(const Var& x, const Shape& to);  // copies x broadcast to that shape

// ---- rows -------------------------------------------------------------------------------------------------

/// y[i] = x[index[i]] along the leading axis; index (n) i64 in [0, rows).
Var gather_rows(const Var& x, const Tensor& index);
/// y[b] = sum_k weight[b, k] * rows[position[b, k]]:  rows (R, ...), position (B, K) i64, weight (B, K).
/// Each row must be used by at most one (b, k), so the adjoint is a gather too.  dweight[b, k] = <dy[b], row>.
Var combine_rows(const Var& rows, const Tensor& position, const Var& weight);
/// y[r, k] = x[r, index[r, k]]:  x (R, C), index (R, K) i64, distinct within a row.
Var take_along(const Var& x, const Tensor& index);

// ---- softmax, norms (over the last axis) ------------------------------------------------------------------

Var softmax(const Var& x);
Var log_softmax(const Var& x);
Var logsumexp(const Var& x);  // (..., C) -> (...)
Var layer_norm(const Var& x, const Var& gain, const Var& bias, double eps);
/// Normalises with the statistics of the batch over all axes but the last.  stats receives mean and biased variance (C)
/// in acc_dtype.  Ioffe, Szegedy 2015.
Var batch_norm(const Var& x, const Var& gain, const Var& bias, double eps, BatchStats* stats);
/// The same with given statistics, for evaluation.
Var batch_norm_eval(const Var& x, const Var& gain, const Var& bias, const Tensor& mean, const Tensor& variance,
                    double eps);

// ---- images (B, H, W, C) ----------------------------------------------------------------------------------

/// x (B, H, W, I), weight (O, kh, kw, I / groups), bias (O) or undefined.  Cross-correlation, zero padding.
Var conv2d(const Var& x, const Var& weight, const Var& bias, const ConvSpec& spec);
/// gelu(conv2d(...)) with a filter per channel; keeps x alone.
Var depthwise_gelu(const Var& x, const Var& weight, const Var& bias, const ConvSpec& spec);
Var avg_pool(const Var& x, const PoolSpec& spec);                    // divides by the kernel's area, including padding
Var max_pool(const Var& x, const PoolSpec& spec);                    // ignores padding
Var adaptive_avg_pool(const Var& x, int64_t height, int64_t width);  // bins floor(iH/h) .. ceil((i+1)H/h)
Var resize_bilinear(const Var& x, int64_t height, int64_t width, bool align_corners = false);
Var resize_nearest(const Var& x, int64_t height, int64_t width);  // source index floor(i * H / h)

/// Multi-head attention softmax(q k^T * scale) v:  q (B, N, heads*D), k and v (B, M, heads*D) -> (B, N, heads*D).
/// Online softmax in tiles: O(N) memory, without a score matrix.  scale <= 0 means 1/sqrt(D).
/// Dao et al. 2022, arXiv:2205.14135; Milakov, Gimelshein 2018, arXiv:1805.02867.
Var attention(const Var& q, const Var& k, const Var& v, int heads, double scale = 0);
/// The same by the definition: two products around a softmax, with a score matrix (B, heads, N, M).
Var plain_attention(const Var& q, const Var& k, const Var& v, int heads, double scale = 0);
/// Whether attention() is plain_attention() in this process.  It is if the environment variable CAMO_ATTENTION is
/// "plain", whatever is asked for here; ConfigError if that is neither "plain" nor "flash".
void use_plain_attention(bool on);
bool uses_plain_attention();
/// Attention within windows of a map.  The map is rolled by -shift, padded to whole windows, and
/// rolled back at the end:
/// qkv (B, H, W, 3 heads D); pad (3 heads D) replaces qkv beyond the map; bias (heads, n, n) is added to the scores of
/// the n tokens of a window.  Scores between tokens that only rolling made neighbours get -100.  -> (B, H, W, heads D).
/// Liu et al. 2021, arXiv:2103.14030.
Var window_attention(const Var& qkv, const Var& pad, const Var& bias, int heads, const WindowSpec& window);

// ---- random ------------------------------------------------------------------------------------------------

/// Zeroes elements with probability p and divides the rest by 1 - p.
Var dropout(const Var& x, double p, const RandomKey& key);
/// The same, but zeroes whole samples of the leading axis.  Huang et al. 2016, arXiv:1603.09382.
Var drop_path(const Var& x, double p, const RandomKey& key);

// ---- losses -----------------------------------------------------------------------------------------------

/// max(z,0) - z t + log(1 + e^-|z|) per element, without reduction.  logits z, target t in [0, 1] of the same shape.
Var bce_with_logits(const Var& logits, const Tensor& target);
/// Mean over rows of logsumexp(z) - z[label]:  logits (R, C), labels (R) i64.
Var cross_entropy(const Var& logits, const Tensor& labels);

}  // namespace camo
