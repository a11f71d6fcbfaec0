// C (M, N) = A^T B: sums over many rows, the gradient of every weight.
//
// C is small and K (pixels) is long, so C is cut into blocks that fit the second cache and K into runs; each
// (block, run) is one task with sums of its own, and the runs are added in order at the end.  A task walks
// its rows kStep at a time and packs both operands, narrow tiles of A and panels of B, so that the tile reads
// straight through memory that is in the first cache.
#include "tensor/cpu/gemm.h"
#include "tensor/cpu/gemm_tile.h"
#include "tensor/cpu/scratch.h"
#include "tensor/parallel.h"

namespace camo::kernel {
namespace {

constexpr int64_t kStep = 128;  // rows packed at a time
constexpr int64_t kBlockRows = 192, kBlockCols = 320;
constexpr int64_t kTasks = 32, kMinRun = 512;

/// Packs columns [column, column + cols) of rows of X in tiles of `width`:  tile t, row k, column j at
/// dst[t * stride + k * width + j], zero past the last column.  Copies whole vectors: what a copy writes too
/// much the next one overwrites, and `stride` leaves a vector between tiles.
template <class T, class TX>
class Packer {
 public:
  Packer(const Pieces<TX>& x, int64_t column, int64_t cols, int width)
      : x_(x),
        width_(width),
        stride(kStep * width + Vec<T>::size),
        tiles(ceil_div(cols, width)),
        runs_(x.pieces * kStep) {
    constexpr int S = Vec<T>::size;
    const int64_t end = column + cols, all = x.pieces * x.length;
    for (int64_t t = 0; t < tiles; ++t)
      for (int j = 0; j < width;) {
        const int64_t c = column + t * width + j, piece = std::min(c, all - 1) / x.length,
                      begin = c - piece * x.length;
        const int64_t left = std::min(end - c, x.length - begin);  // columns of this piece that are wanted
        const int n = int(std::clamp<int64_t>(left, 0, std::min(S, width - j)));
        copies_.push_back({piece * kStep, begin, t * stride + j, begin + S <= x.length ? S : n});
        if (n == 0) copies_.back() = {0, 0, t * stride + j, 0};
        j += n > 0 ? n : std::min(S, width - j);
      }
  }

  void pack(int64_t k, int64_t count, T* dst) {
    x_.find(k, count, runs_, kStep);
    for (int64_t i = 0; i < count; ++i, dst += width_)
      for (const Copy& copy : copies_) {
        const TX* from = runs_[copy.piece + i] + copy.begin;
        (copy.lanes == Vec<T>::size ? Vec<T>::load(from) : Vec<T>::load(from, copy.lanes))
            .store(dst + copy.to);
      }
  }

 private:
  struct Copy {
    int64_t piece, begin, to;
    int lanes;
  };
  const Pieces<TX>& x_;
  int width_;

 public:
  const int64_t stride, tiles;

 private:
  Scratch<const TX*> runs_;
  std::vector<Copy> copies_;
};

/// out (M, N) = sums of A^T B over rows [k0, k1), for one block of it.
template <int W, class T, class TA, class TB>
void run_block(const Pieces<TA>& a, const Pieces<TB>& b, int64_t m0, int64_t M, int64_t n0, int64_t N,
               int64_t k0, int64_t k1, T* out, int64_t ld, bool accumulate) {
  constexpr int R = tile_rows(W), S = Vec<T>::size;
  Packer<T, TA> left(a, m0, M, R);
  Packer<T, TB> right(b, n0, N, W * S);
  const int64_t width = right.tiles * W * S, height = left.tiles * R;
  Scratch<T> packed_a(left.tiles * left.stride), packed_b(right.tiles * right.stride), sums(height * width);
  std::fill_n(static_cast<T*>(sums), height * width, T(0));
  for (int64_t k = k0; k < k1; k += kStep) {
    const int64_t count = std::min(kStep, k1 - k);
    left.pack(k, count, packed_a);
    right.pack(k, count, packed_b);
    for (int64_t p = 0; p < right.tiles; ++p)
      for (int64_t t = 0; t < left.tiles; ++t)
        multiply_packed<R, W>(packed_a + t * left.stride, packed_b + p * right.stride, count,
                              sums + t * R * width + p * W * S, width);
  }
  for (int64_t m = 0; m < M; ++m) {
    T* c = out + (m0 + m) * ld + n0;
    for (int64_t n = 0; n < N; ++n) c[n] = (accumulate ? c[n] : T(0)) + sums[m * width + n];
  }
}

}  // namespace

template <class TA, class TB>
void multiply_transposed(const Pieces<TA>& a, const Pieces<TB>& b, acc_t<TA>* c, int64_t ldc,
                         bool accumulate) {
  using T = acc_t<TA>;
  const int64_t M = a.pieces * a.length, N = b.pieces * b.length, K = a.rows;
  if (M == 0 || N == 0) return;
  const Panels<T> panels(N);
  const int V = panels.vecs(0);  // one width for all: A's tiles are as tall as that asks
  const int64_t unit = V * Vec<T>::size, rows = round_up(ceil_div(M, ceil_div(M, kBlockRows)), tile_rows(V));
  const int64_t cols = round_up(ceil_div(N, ceil_div(N, kBlockCols)), unit);
  const int64_t down = ceil_div(M, rows), across = ceil_div(N, cols), blocks = down * across;
  int64_t runs = std::clamp<int64_t>(ceil_div(kTasks, blocks), 1, std::max<int64_t>(K / kMinRun, 1));
  const int64_t run = round_up(std::max<int64_t>(ceil_div(K, runs), 1), kStep);
  runs = std::max<int64_t>(ceil_div(K, run), 1);
  Scratch<T> parts(runs > 1 ? runs * M * N : 0);

  parallel_chunks(blocks * runs, 1, [&](int64_t task, int64_t) {
    const int64_t m = task / runs % down * rows, n = task / runs / down * cols, r = task % runs;
    with_width(V, [&]<int W>() {
      run_block<W, T>(a, b, m, std::min(rows, M - m), n, std::min(cols, N - n), r * run,
                      std::min(K, (r + 1) * run), runs > 1 ? parts + r * M * N : c, runs > 1 ? N : ldc,
                      runs == 1 && accumulate);
    });
  });
  if (runs > 1)
    parallel_for(M, N * runs, [&](int64_t m) {
      for (int64_t n = 0; n < N; ++n) {
        T sum = accumulate ? c[m * ldc + n] : T(0);
        for (int64_t r = 0; r < runs; ++r) sum += parts[(r * M + m) * N + n];
        c[m * ldc + n] = sum;
      }
    });
}

template void multiply_transposed(const Pieces<float>&, const Pieces<float>&, float*, int64_t, bool);
template void multiply_transposed(const Pieces<double>&, const Pieces<double>&, double*, int64_t, bool);
template void multiply_transposed(const Pieces<bf16>&, const Pieces<bf16>&, float*, int64_t, bool);
template void multiply_transposed(const Pieces<bf16>&, const Pieces<float>&, float*, int64_t, bool);

}  // namespace camo::kernel
