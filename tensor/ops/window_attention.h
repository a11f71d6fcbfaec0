// Attention within windows of a map that may be shifted: Liu et al. 2021, arXiv:2103.14030.
//
// The map is rolled by -shift, padded at the bottom and right to whole windows, and cut into windows.  Each window
// attends to itself; the result is rolled back and the padding removed.  None of this moves data: Windows computes
// where token i of a window is, and the kernels read and write there.
// q, k and v stay fused: one product computes all three and reads x once, and the gradient of x is one product too.
// The backward pass saves only the inputs, because one product recomputes all scores of a window.
#pragma once

#include <algorithm>

#include "tensor/tensor.h"

namespace camo {

/// Size of a window in tokens, and its shift down and to the right.
struct WindowSpec {
  int64_t height, width, shift_y = 0, shift_x = 0;
};

/// softmax(q k^T / sqrt(D) + bias + mask) v for each window and head, n = height * width tokens.
///   qkv    (B, H, W, 3 * heads * D)  f32 | f64 | bf16: q of all heads, then k, then v
///   pad    (3 * heads * D)           acc_dtype: replaces qkv at positions beyond the map
///   bias   (heads, n, n)             acc_dtype: added to the score of query i and key j
///   mask   -100 between tokens that only rolling made neighbours, else 0
///   returns (B, H, W, heads * D)
/// Tokens beyond the map are keys like all others.  0 <= shift < window; H and W may be smaller than a window.
Tensor window_attention(const Tensor& qkv, const Tensor& pad, const Tensor& bias, int heads, const WindowSpec& window);
struct WindowAttentionGrads {
  Tensor dqkv, dpad, dbias;
};
WindowAttentionGrads window_attention_backward(const Tensor& dy, const Tensor& qkv, const Tensor& pad,
                                               const Tensor& bias, int heads, const WindowSpec& window);

namespace kernel {

/// Computes the positions of the windows' tokens.
struct Windows {
  int64_t B, H, W, heads, D;
  WindowSpec size;
  int64_t down, across;  // windows per image along height and width

  CAMO_HD int64_t count() const { return B * down * across; }
  CAMO_HD int64_t tokens() const { return size.height * size.width; }
  CAMO_HD int64_t channels() const { return heads * D; }
  CAMO_HD int64_t rows() const { return B * H * W; }  // rows of all maps
  CAMO_HD int64_t pads() const { return B * (down * size.height * across * size.width - H * W); }
  CAMO_HD bool shifted() const { return size.shift_y > 0 || size.shift_x > 0; }

  /// Where a window begins in the rolled map.
  struct Corner {
    int64_t b, top, left;
  };
  CAMO_HD Corner corner(int64_t window) const {
    return {window / (down * across), window / across % down * size.height, window % across * size.width};
  }
  /// The row in qkv (rows(), C) of token (y, x) of a window; tokens beyond the map are numbered from rows() on.
  CAMO_HD int64_t row(const Corner& c, int64_t y, int64_t x) const {
    const int64_t beside = across * size.width - W, beyond = down * size.height * across * size.width - H * W;
    y += c.top, x += c.left;
    if (y < H && x < W) return (c.b * H + rolled(y + size.shift_y, H)) * W + rolled(x + size.shift_x, W);
    return rows() + c.b * beyond + (y < H ? y * beside + x - W : H * beside + (y - H) * (across * size.width) + x);
  }
  /// The part of the rolled map that a token is in: only tokens of the same part may attend to each other.
  CAMO_HD int part(const Corner& c, int64_t y, int64_t x) const {
    return 3 * strip(c.top + y, down * size.height, size.height, size.shift_y) +
           strip(c.left + x, across * size.width, size.width, size.shift_x);
  }
  /// The same for token i.
  CAMO_HD int64_t row(int64_t window, int64_t i) const { return row(corner(window), i / size.width, i % size.width); }
  CAMO_HD int part(int64_t window, int64_t i) const { return part(corner(window), i / size.width, i % size.width); }
  /// True if a window has tokens of several parts, as the last ones down and across do.
  CAMO_HD bool mixed(int64_t window) const {
    const Corner c = corner(window);
    return (size.shift_y > 0 && c.top + size.height == down * size.height) ||
           (size.shift_x > 0 && c.left + size.width == across * size.width);
  }

 private:
  CAMO_HD static int64_t rolled(int64_t at, int64_t length) { return at < length ? at : at % length; }
  CAMO_HD static int strip(int64_t at, int64_t length, int64_t window, int64_t shift) {
    return shift == 0 || at < length - window ? 0 : at < length - shift ? 1 : 2;
  }
};

constexpr double kMask = -100;
/// The number of windows whose bias gradients one task sums: few enough for many tasks, and enough that a task is worth
/// a thread and its sums take little memory compared with q.
inline int64_t window_chunk(const Windows& w) {
  const int64_t n = w.tokens();
  return std::max({int64_t(8), n / w.D, 16384 / (n * n)});
}
inline int64_t window_chunks(const Windows& w) { return (w.count() + window_chunk(w) - 1) / window_chunk(w); }

/// pad has the dtype of qkv; y is (rows(), C).
void window_attention(Cpu, const Tensor& qkv, const Tensor& pad, const Tensor& bias, const Windows& w, Tensor y);
void window_attention(Cuda, const Tensor& qkv, const Tensor& pad, const Tensor& bias, const Windows& w, Tensor y);
/// dqkv (rows() + pads(), 3 C); dbias (window_chunks(), heads, n, n), one sum per chunk of windows.
void window_attention_backward(Cpu, const Tensor& dy, const Tensor& qkv, const Tensor& pad, const Tensor& bias,
                               const Windows& w, Tensor dqkv, Tensor dbias);
void window_attention_backward(Cuda, const Tensor& dy, const Tensor& qkv, const Tensor& pad, const Tensor& bias,
                               const Windows& w, Tensor dqkv, Tensor dbias);
}  // namespace kernel

}  // namespace camo
