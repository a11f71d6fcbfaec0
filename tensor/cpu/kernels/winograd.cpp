// A run of tiles goes through three steps: transform, 36 products, transform back.
//   Forward and input gradient, small kernel: each task takes a run of few tiles through all steps alone, so what lies
//   between them stays in its L2 cache.
//   The same, large kernel: all threads share each step of a long run, each place is one task, and the kernel is read
//   once a run instead of once a few tiles.
//   Weight gradient: as the large kernel.  No thread has sums of its own, so the order of summation is fixed.
#include "tensor/cpu/kernels/winograd.h"

#include <atomic>
#include <tuple>

#include "tensor/cpu/kernels/gemm_panel.h"
#include "tensor/cpu/kernels/rows.h"
#include "tensor/cpu/kernels/winograd_transforms.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"

namespace camo {
namespace {
std::atomic<bool> g_winograd{true};
}
bool winograd() { return g_winograd; }
void use_winograd(bool on) { g_winograd = on; }
}  // namespace camo

namespace camo::kernel {
namespace {

using f4x3::Floats;
constexpr int kSide = 4, kWindow = 6, kPlaces = 36;
constexpr int64_t kFewTiles = 24, kManyTiles = 192;
constexpr int64_t kSmallKernel = 96 * 96;  // C O below which reading the kernel costs less than sharing the steps
constexpr int64_t kSumTiles = 96;          // of a sum in registers

/// (B, H, W, C) images.
template <class T> struct Maps {
  T* data;
  int64_t H, W, C;

  /// Where pixels (h + i, w + j) of image b begin; `outside` for those that do not exist.
  template <int N> void find(int64_t b, int64_t h, int64_t w, T* outside, T* (&pixels)[N][N]) const {
    for (int i = 0; i < N; ++i)
      for (int j = 0; j < N; ++j) {
        const bool inside = h + i >= 0 && h + i < H && w + j >= 0 && w + j < W;
        pixels[i][j] = inside ? data + ((b * H + h + i) * W + w + j) * C : outside;
      }
  }
};

/// The tiles of B images of H x W outputs.
struct TileGrid {
  int64_t B, H, W, down = ceil_div(H, kSide), across = ceil_div(W, kSide);
  int64_t count() const { return B * down * across; }
  /// f(b, h, w): image and first output pixel of tile t.
  template <class F> void at(int64_t t, const F& f) const {
    f(t / (down * across), t / across % down * kSide, t % across * kSide);
  }
};

/// Rows of C numbers at the 36 places of `count` tiles, and rows that complete the last tile of registers.  Distances
/// are odd numbers of cache lines, so that the places of a tile do not fall into the same sets of a cache.
struct Layout {
  int64_t tiles, row, place;
  Layout(int64_t count, int64_t C)
      : tiles(round_up(count, kRowUnit)),
        row(round_up(C, 2 * Floats::size) + Floats::size),
        place(row * tiles + Floats::size) {}
  int64_t size() const { return kPlaces * place; }
};

/// Transforms N x N pixels of C channels to the 36 places at `out`.
template <class Transform, int N, class T>
void to_places(T* const (&pixels)[N][N], int64_t C, const Layout& layout, float* out) {
  each_vec<float>(C, [&](int64_t c, auto n) {
    f4x3::in_plane<Transform>([&](int i, int j) { return load<float>(pixels[i][j] + c, n); },
                              [&](int i, int j, Floats v) { v.store(out + (i * kWindow + j) * layout.place + c); });
  });
}

/// Weights at the 36 places, packed in panels for products of K by N.
struct Kernel {
  int64_t K, N;
  Panels<float> panels{N};
  int64_t place = K * panels.vectors * Floats::size;
  Scratch<float> data{kPlaces * place};
};

/// weight (O, 3, 3, C) as `kernel` of K = C by N = O; turned: of K = O by N = C with the taps turned by half a turn.
void transform_weights(const float* weight, bool turned, const Kernel& kernel) {
  constexpr int64_t kRows = 16;
  const int64_t K = kernel.K, ranges = ceil_div(K, kRows), C = turned ? kernel.N : K;
  parallel_chunks(kernel.panels.count * ranges, 1, [&](int64_t task, int64_t) {
    const int64_t p = task / ranges, k = task % ranges * kRows, count = std::min(kRows, K - k);
    const int64_t column = kernel.panels.column(p), width = kernel.panels.vecs(p) * Floats::size;
    Scratch<float> taps(9 * kRows * width);
    for (int t = 0; t < 9; ++t) {
      const float* from = weight + (turned ? (k * 9 + 8 - t) * C + column : (column * 9 + t) * C + k);
      auto* pack = turned ? pack_panel<float, float> : pack_panel_transposed<float, float>;
      pack(from, 9 * C, count, kernel.N - column, kernel.panels.vecs(p), taps + t * count * width);
    }
    float* out = kernel.data + column * K + k * width;
    for (int64_t c = 0; c < count * width; c += Floats::size)
      f4x3::in_plane<f4x3::Weights>(
          [&](int i, int j) { return Floats::load(taps + (i * 3 + j) * count * width + c); },
          [&](int i, int j, Floats v) { v.store(out + (i * kWindow + j) * kernel.place + c); });
  });
}

/// out = left times the kernel at place e, for the rows of a layout.
void multiply_place(const float* left, const Layout& in, const Kernel& kernel, int64_t e, float* out,
                    const Layout& layout) {
  constexpr int64_t kTable = kManyTiles + kRowUnit + 2 * kMaxTileRows;
  const float* from[kTable];
  float* to[kTable];
  for (int64_t i = 0; i < in.tiles + 2 * kMaxTileRows; ++i) {
    const int64_t row = std::min(i, in.tiles - 1);
    from[i] = left + e * in.place + row * in.row, to[i] = out + e * layout.place + row * layout.row;
  }
  const Block<float, float> block{in.tiles, 0, from, to, nullptr, nullptr};
  for (int64_t p = 0; p < kernel.panels.count; ++p)
    with_width(kernel.panels.vecs(p), [&]<int Vecs>() {
      const int64_t column = kernel.panels.column(p);
      panel_step<Vecs>(block, Step{0, 0, 1, 0, kernel.K}, true, true,
                       kernel.data + e * kernel.place + column * kernel.K, column, Vecs * Floats::size,
                       Finish<float>{});
    });
}

/// y = x with the kernel, where output (h, w) sees inputs from (h - pad_h, w - pad_w) on.
template <class T> struct Convolution {
  Maps<const T> x;
  Maps<T> y;
  const Kernel& kernel;
  const float* bias;  // or null
  TileGrid grid;
  int64_t pad_h, pad_w;
  const T* zeros;  // x.C

  /// Tiles [begin, begin + count).  The loops are parallel unless this runs in a task.
  void run(int64_t begin, int64_t count) const {
    const Layout in(count, x.C), out(count, y.C);
    Scratch<float> left(in.size()), products(out.size());
    parallel_for(count, kPlaces * x.C, [&](int64_t t) {
      grid.at(begin + t, [&](int64_t b, int64_t h, int64_t w) {
        const T* window[kWindow][kWindow];
        x.find(b, h - pad_h, w - pad_w, zeros, window);
        to_places<f4x3::Inputs>(window, x.C, in, left + t * in.row);
      });
    });
    parallel_chunks(kPlaces, 1, [&](int64_t e, int64_t) { multiply_place(left, in, kernel, e, products, out); });
    parallel_for(count, kPlaces * y.C, [&](int64_t t) {
      grid.at(begin + t, [&](int64_t b, int64_t h, int64_t w) { write_tile(products + t * out.row, out, b, h, w); });
    });
  }

  void write_tile(const float* products, const Layout& layout, int64_t b, int64_t h, int64_t w) const {
    T* tile[kSide][kSide];
    y.find(b, h, w, static_cast<T*>(nullptr), tile);
    each_vec<float>(y.C, [&](int64_t c, auto n) {
      const Floats start = bias ? load<float>(bias + c, n) : Floats(0);
      f4x3::in_plane<f4x3::Outputs>(
          [&](int i, int j) { return Floats::load(products + (i * kWindow + j) * layout.place + c); },
          [&](int i, int j, Floats v) {
            if (tile[i][j]) store(v + start, tile[i][j] + c, n);
          });
    });
  }
};

template <class T>
void convolve(const Maps<const T>& x, const Kernel& kernel, const float* bias, const Maps<T>& y, int64_t B,
              int64_t pad_h, int64_t pad_w) {
  Scratch<T> zeros(x.C);
  std::fill_n(zeros + 0, x.C, T(0));
  const Convolution<T> work{x, y, kernel, bias, {B, y.H, y.W}, pad_h, pad_w, zeros};
  const int64_t tiles = work.grid.count();
  const bool small = x.C * y.C <= kSmallKernel;
  const int64_t runs = ceil_div(tiles, small ? kFewTiles : kManyTiles);
  auto run = [&](int64_t r, int64_t) { work.run(tiles * r / runs, tiles * (r + 1) / runs - tiles * r / runs); };
  if (small) parallel_chunks(runs, 1, run);
  else
    for (int64_t r = 0; r < runs; ++r) run(r, 0);
}

/// sums (O, C) += (left^T right) over the rows of `count` tiles, kSumTiles at a time.
void add_product(const float* left, const Layout& from, int64_t O, const float* right, const Layout& to, int64_t C,
                 int64_t count, float* sums, int64_t ld) {
  const Panels<float> panels(C);
  for (int64_t t = 0; t < count; t += kSumTiles)
    for (int64_t p = 0; p < panels.count; ++p)
      with_width(panels.vecs(p), [&]<int Vecs>() {
        constexpr int R = tile_rows(Vecs);
        for (int64_t o = 0; o < O; o += R)
          multiply_columns<R, Vecs>(left + t * from.row + o, from.row, right + t * to.row + panels.column(p), to.row,
                                    std::min(kSumTiles, count - t), sums + o * ld + panels.column(p), ld, nullptr, 0);
      });
}

}  // namespace

template <class T> bool winograd_serves(const Conv& s) {
  constexpr int64_t kChannels = 32, kPixels = 13;  // below, transforms or kernel cost more than they save
  if (!camo::winograd() || (std::is_same_v<T, bf16> && bf16_units() != Bf16Units::off)) return false;
  return s.kh == 3 && s.kw == 3 && s.stride == 1 && s.dilation == 1 && s.groups == 1 && s.C >= kChannels &&
         s.O >= kChannels && s.out_h() >= kPixels && s.out_w() >= kPixels;
}

template <class T> void winograd(const T* x, const float* weight, const float* bias, T* y, const Conv& s) {
  const Kernel kernel{s.C, s.O};
  transform_weights(weight, false, kernel);
  convolve<T>({x, s.H, s.W, s.C}, kernel, bias, {y, s.out_h(), s.out_w(), s.O}, s.B, s.pad_h(), s.pad_w());
}

template <class T> void winograd_input_grad(const T* dy, const float* weight, T* dx, const Conv& s) {
  const Kernel kernel{s.O, s.C};
  transform_weights(weight, true, kernel);
  convolve<T>({dy, s.out_h(), s.out_w(), s.O}, kernel, nullptr, {dx, s.H, s.W, s.C}, s.B, 2 - s.pad_h(), 2 - s.pad_w());
}

template <class T> void winograd_weight_grad(const T* dy, const T* x, float* dweight, const Conv& s) {
  const TileGrid grid{s.B, s.out_h(), s.out_w()};
  const Maps<const T> images{x, s.H, s.W, s.C}, grads{dy, s.out_h(), s.out_w(), s.O};
  const Layout in(kManyTiles, s.C), out(kManyTiles, s.O);
  const int64_t ld = round_up(s.C, Floats::size), rows = s.O + kMaxTileRows;  // a tile may write past the last row
  Scratch<float> points(in.size()), slopes(out.size() + kMaxTileRows), sums(kPlaces * rows * ld);
  Scratch<T> zeros(std::max(s.C, s.O));
  std::fill_n(zeros + 0, std::max(s.C, s.O), T(0));
  parallel_chunks(kPlaces, 1, [&](int64_t e, int64_t) { std::fill_n(sums + e * rows * ld, rows * ld, 0.f); });
  for (int64_t begin = 0; begin < grid.count(); begin += kManyTiles) {
    const int64_t count = std::min(kManyTiles, grid.count() - begin);
    parallel_for(count, kPlaces * (s.C + s.O), [&](int64_t t) {
      grid.at(begin + t, [&](int64_t b, int64_t h, int64_t w) {
        const T *window[kWindow][kWindow], *tile[kSide][kSide];
        images.find(b, h - s.pad_h(), w - s.pad_w(), zeros + 0, window);
        grads.find(b, h, w, zeros + 0, tile);
        to_places<f4x3::Inputs>(window, s.C, in, points + t * in.row);
        to_places<f4x3::OutputGrads>(tile, s.O, out, slopes + t * out.row);
      });
    });
    parallel_chunks(kPlaces, 1, [&](int64_t e, int64_t) {
      add_product(slopes + e * out.place, out, s.O, points + e * in.place, in, s.C, count, sums + e * rows * ld, ld);
    });
  }
  parallel_for(s.O, kPlaces * s.C, [&](int64_t o) {
    each_vec<float>(s.C, [&](int64_t c, auto n) {
      f4x3::in_plane<f4x3::WeightGrads>(
          [&](int i, int j) { return Floats::load(sums + ((i * kWindow + j) * rows + o) * ld + c); },
          [&](int i, int j, Floats v) { store(v, dweight + (o * 9 + i * 3 + j) * s.C + c, n); });
    });
  });
}

// Taking a function's address makes the compiler emit it; that is all the tuple is for.
template <class T>
constexpr auto winograd_kernels_of = std::make_tuple(&winograd_serves<T>, &winograd<T>, &winograd_input_grad<T>,
                                                     &winograd_weight_grad<T>);
auto winograd_kernels = std::tuple_cat(winograd_kernels_of<float>, winograd_kernels_of<bf16>);

}  // namespace camo::kernel
