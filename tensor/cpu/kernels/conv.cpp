#include "tensor/cpu/kernels/conv.h"

#include <cstring>
#include <tuple>

#include "tensor/cpu/kernels/gemm.h"
#include "tensor/cpu/kernels/gemm_tile.h"
#include "tensor/cpu/kernels/winograd.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"

namespace camo::kernel {
namespace {

constexpr int64_t kFewChannels = 16;  // with fewer channels, a run of one tap is too short: use whole kernel rows

/// An image and the layout of its pixels.
template <class T> struct Image {
  T* data;
  int64_t H, W, pixel;  // numbers from one pixel to the next
};

/// A grid of rows x cols output pixels, each a row of the matrix product.  For tap t, pixel (i, j) of the grid reads
/// pixel (i * step_h + taps[t].h, j * step_w + taps[t].w) of the image, or zeros outside it.
struct Tap {
  int64_t h, w;
};
struct Grid {
  int64_t B, rows, cols, step_h = 1, step_w = 1;
  int64_t count() const { return B * rows * cols; }
};

/// Splits rows [m, m + count) of the product into ranges within one grid row and calls f(b, i, j, n, at) for each;
/// `at` counts from 0.
template <class F> void each_stretch(const Grid& grid, int64_t m, int64_t count, const F& f) {
  for (int64_t at = 0; at < count;) {
    const int64_t j = (m + at) % grid.cols, row = (m + at) / grid.cols, n = std::min(grid.cols - j, count - at);
    f(row / grid.rows, row % grid.rows, j, n, at);
    at += n;
  }
}

/// The windows under a grid as rows of a product.  `zeros` points to `length` zeros.
template <class T>
Pieces<T> windows(const Image<const T>& x, const Grid& grid, const std::vector<Tap>& taps, int64_t length,
                  const T* zeros) {
  auto find = [=](int64_t m, int64_t count, const T** table, int64_t ld) {
    each_stretch(grid, m, count, [&](int64_t b, int64_t i, int64_t j, int64_t n, int64_t at) {
      const T** column = table + at;
      for (const Tap& tap : taps) {
        const int64_t h = i * grid.step_h + tap.h;
        // Grid columns [from, to) read inside the image: there w = j * step_w + tap.w lies in [0, W).
        const int64_t from = std::clamp<int64_t>(tap.w < 0 ? ceil_div(-tap.w, grid.step_w) - j : -j, 0, n);
        const int64_t to =
            h < 0 || h >= x.H || tap.w >= x.W ? from : std::clamp((x.W - 1 - tap.w) / grid.step_w + 1 - j, from, n);
        const T* p = x.data + ((b * x.H + h) * x.W + j * grid.step_w + tap.w) * x.pixel;
        std::fill_n(column, from, zeros);
        for (int64_t k = from; k < to; ++k) column[k] = p + k * grid.step_w * x.pixel;
        std::fill_n(column + to, n - to, zeros);
        column += ld;
      }
    });
  };
  return {grid.count(), int64_t(taps.size()), length, find};
}

/// A convolution after two simplifications.  If the kernel is as wide as its stride, every pixel of a row is read once,
/// so kw neighbouring pixels are read as one pixel of kw * C channels.  If nothing pads the row, neighbouring taps are
/// one run of memory.
struct Plan {
  int64_t B, H, W, C, kh, kw, step_h, step_w, pad_h, pad_w, dilation, out_h, out_w;
  int64_t pad_right;    // zeros that the last windows of a row read
  bool merged = false;  // the taps of a kernel row are one run of memory
  explicit Plan(const Conv& s)
      : B(s.B),
        H(s.H),
        W(s.W),
        C(s.C),
        kh(s.kh),
        kw(s.kw),
        step_h(s.stride),
        step_w(s.stride),
        pad_h(s.pad_h()),
        pad_w(s.pad_w()),
        dilation(s.dilation),
        out_h(s.out_h()),
        out_w(s.out_w()),
        pad_right(std::max<int64_t>((out_w - 1) * step_w + dilation * (kw - 1) + 1 - pad_w - W, 0)) {
    if (s.groups == 1 && pad_w == 0 && kw == step_w && (dilation == 1 || kw == 1) && W == out_w * kw)
      C *= kw, W = out_w, kw = 1, step_w = 1;
  }
  Grid grid() const { return {B, out_h, out_w, step_h, step_w}; }
  std::vector<Tap> taps() const {
    std::vector<Tap> out;
    for (int64_t i = 0; i < kh; ++i)
      for (int64_t j = 0; j < (merged ? 1 : kw); ++j) out.push_back({i * dilation - pad_h, j * dilation - pad_w});
    return out;
  }
};

/// Copies x with pad_w zero pixels left and pad_right right of each row.
template <class T> void pad_rows(const T* x, const Plan& p, T* out) {
  const int64_t row = p.W * p.C, left = p.pad_w * p.C, right = p.pad_right * p.C;
  parallel_for(p.B * p.H, row, [=](int64_t r) {
    T* to = out + r * (left + row + right);
    std::memset(static_cast<void*>(to), 0, size_t(left) * sizeof(T));
    std::memcpy(static_cast<void*>(to + left), x + r * row, size_t(row) * sizeof(T));
    std::memset(static_cast<void*>(to + left + row), 0, size_t(right) * sizeof(T));
  });
}

/// For each group, calls f(group, its windows of x, numbers per window).
template <class T, class F> void each_group(const T* x, const Conv& s, const F& f) {
  Plan p(s);
  const bool few = s.groups == 1 && p.C < kFewChannels && p.dilation == 1 && p.pad_w + p.pad_right > 0;
  Scratch<T> padded(few ? p.B * p.H * (p.pad_w + p.W + p.pad_right) * p.C : 0);
  if (few) pad_rows(x, p, padded + 0), x = padded, p.W += p.pad_w + p.pad_right, p.pad_w = p.pad_right = 0;
  p.merged = s.groups == 1 && p.pad_w + p.pad_right == 0 && p.dilation == 1;
  const int64_t C = p.C / s.groups, length = p.merged ? p.kw * C : C;
  Scratch<T> zeros(length);
  std::memset(static_cast<void*>(zeros + 0), 0, size_t(length) * sizeof(T));
  const bool whole = p.kh * p.kw == 1 && p.step_h == 1 && p.step_w == 1 && p.pad_h == 0 && p.pad_w == 0;  // 1 x 1
  parallel_chunks(s.groups, 1, [&](int64_t g, int64_t) {
    f(g,
      whole ? dense(x + g * C, p.grid().count(), C, p.C)
            : windows<T>({x + g * C, p.H, p.W, p.C}, p.grid(), p.taps(), length, zeros),
      p.kh * p.kw * C);
  });
}

}  // namespace

template <class T> void conv(const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y, const Conv& s) {
  if constexpr (!std::is_same_v<T, double>)
    if (winograd_serves<T>(s)) return winograd(x, weight, bias, y, s);
  const int64_t O = s.O / s.groups;
  each_group(x, s, [&](int64_t g, const Pieces<T>& rows, int64_t K) {
    multiply<T, acc_t<T>, T>(rows, {weight + g * O * K, K, Trans::yes}, O, {y + g * O, s.O},
                             {bias ? bias + g * O : nullptr});
  });
}

template <class T> void conv_weight_grad(const T* dy, const T* x, acc_t<T>* dweight, const Conv& s) {
  if constexpr (!std::is_same_v<T, double>)
    if (winograd_serves<T>(s)) return winograd_weight_grad(dy, x, dweight, s);
  const int64_t O = s.O / s.groups;
  each_group(x, s, [&](int64_t g, const Pieces<T>& rows, int64_t K) {
    multiply_transposed<T, T>(dense(dy + g * O, rows.rows, O, s.O), rows, dweight + g * O * K, K);
  });
}

template <class T> void conv_input_grad(const T* dy, const acc_t<T>* weight, T* dx, const Conv& s) {
  if constexpr (!std::is_same_v<T, double>)
    if (winograd_serves<T>(s)) return winograd_input_grad(dy, weight, dx, s);
  const Plan p(s);
  const int64_t C = p.C / s.groups, O = s.O / s.groups, K = p.kh * p.kw * C;
  Scratch<T> zeros(O);
  std::memset(static_cast<void*>(zeros + 0), 0, size_t(O) * sizeof(T));
  for (int64_t h = 0; h < std::min(p.step_h, p.H); ++h)
    for (int64_t w = 0; w < std::min(p.step_w, p.W); ++w) {  // pixels of dx with this remainder mod step_w
      std::vector<Tap> taps;
      std::vector<int64_t> offset;
      for (int64_t i = 0; i < p.kh; ++i)
        for (int64_t j = 0; j < p.kw; ++j) {
          const int64_t from_h = h + p.pad_h - i * p.dilation, from_w = w + p.pad_w - j * p.dilation;
          if (from_h % p.step_h || from_w % p.step_w) continue;
          taps.push_back({from_h / p.step_h, from_w / p.step_w});
          offset.push_back((i * p.kw + j) * C);
        }
      const Grid grid{p.B, ceil_div(p.H - h, p.step_h), ceil_div(p.W - w, p.step_w)};
      parallel_chunks(s.groups, 1, [&](int64_t g, int64_t) {
        auto find = [=, &p, &grid](int64_t m, int64_t count, T** rows) {
          each_stretch(grid, m, count, [&](int64_t b, int64_t i, int64_t j, int64_t n, int64_t at) {
            T* first = dx + ((b * p.H + h + i * p.step_h) * p.W + w + j * p.step_w) * p.C + g * C;
            for (int64_t k = 0; k < n; ++k) rows[at + k] = first + k * p.step_w * p.C;
          });
        };
        multiply<T, acc_t<T>, T>(windows<T>({dy + g * O, p.out_h, p.out_w, s.O}, grid, taps, O, zeros),
                                 {weight + g * O * K, K, Trans::no, offset}, C, {nullptr, 0, find});
      });
    }
}

template <class T> void conv_plain(const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y, const Conv& s) {
  using A = acc_t<T>;
  const int64_t C = s.C / s.groups, O = s.O / s.groups;
  for (int64_t b = 0; b < s.B; ++b)
    for (int64_t i = 0; i < s.out_h(); ++i)
      for (int64_t j = 0; j < s.out_w(); ++j)
        for (int64_t o = 0; o < s.O; ++o) {
          A sum = bias ? bias[o] : A(0);
          for (int64_t u = 0; u < s.kh; ++u)
            for (int64_t v = 0; v < s.kw; ++v) {
              const int64_t h = i * s.stride - s.pad_h() + u * s.dilation,
                            w = j * s.stride - s.pad_w() + v * s.dilation;
              if (h < 0 || h >= s.H || w < 0 || w >= s.W) continue;
              for (int64_t c = 0; c < C; ++c)
                sum +=
                    A(x[((b * s.H + h) * s.W + w) * s.C + o / O * C + c]) * weight[((o * s.kh + u) * s.kw + v) * C + c];
            }
          y[((b * s.out_h() + i) * s.out_w() + j) * s.O + o] = T(sum);
        }
}

// Taking a function's address makes the compiler emit it; that is all the tuple is for.
template <class... T>
constexpr auto conv_kernels_of = std::make_tuple(&conv<T>..., &conv_input_grad<T>..., &conv_weight_grad<T>...,
                                                 &conv_plain<T>...);
auto conv_kernels = conv_kernels_of<float, double, bf16>;

}  // namespace camo::kernel
