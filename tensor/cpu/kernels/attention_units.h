// Attention of bf16 numbers on the processor's bf16 instructions, which multiply rows of numbers by rows of pairs.
//
// Scores are kept transposed, a row for each key and a lane for each query.  Softmax then needs no sum across lanes,
// and every product has the operands that the instructions take:
//
//   S^T = K Q^T     dP^T = V dY^T    pairs of channels of the queries
//   Y^T = V^T P^T   dQ^T = K^T dS^T  pairs of keys
//   dV = P^T dY     dK = dS^T Q      pairs of queries
//
// P and dS are rounded to bf16 for these products; scores, maxima and sums stay f32.
// Internal to *attention*.cpp.
#pragma once

#include "tensor/cpu/kernels/attention_tile.h"
#include "tensor/cpu/kernels/gemm.h"
#include "tensor/cpu/kernels/gemm_tiles.h"

#ifdef CAMO_BF16_UNITS
namespace camo::kernel {

/// Compute what attention_plain defines, except that P and dS are rounded to bf16.
void attention_on_units(const bf16* q, const bf16* k, const bf16* v, bf16* y, float* lse, const Attention& s);
void attention_backward_on_units(const bf16* dy, const bf16* q, const bf16* k, const bf16* v, const bf16* y,
                                 const float* lse, bf16* dq, bf16* dk, bf16* dv, const Attention& s);

constexpr int64_t kLanes = Vec<float>::size;

/// c (R x V vectors) = a b, plus the old c if `add`; k runs over K numbers.
template <int R, int V>
[[gnu::noinline]] void multiply_pairs(const bf16* a, int64_t lda, const Pair* b, int64_t ldb, int64_t K, float* c,
                                      int64_t ldc, bool add) {
  Vec<float> sums[R][V];
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < V; ++j) sums[i][j] = add ? Vec<float>::load(c + i * ldc + j * kLanes) : Vec<float>(0);
  for (int64_t k = 0; k < K; k += 2, b += ldb) step(sums, b, [&](int i) { return Unit<Pair>::every(a + i * lda + k); });
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < V; ++j) sums[i][j].store(c + i * ldc + j * kLanes);
}

/// c (rows x cols) = a b, plus the old c if `add`; k runs over K numbers, a multiple of kStep.  a: rows lda numbers
/// apart; b: rows of pairs, ldb pairs apart; rows and cols are multiples of 16.
struct OnPairs {
  static constexpr int64_t kStep = 2;
  void operator()(const bf16* a, int64_t lda, const Pair* b, int64_t ldb, int64_t K, float* c, int64_t ldc,
                  int64_t rows, int64_t cols, bool add) const {
    constexpr int R = 8;
    for (int64_t j = 0; j < cols; j += 2 * kLanes)
      for (int64_t r = 0; r < rows; r += R)
        (cols - j > kLanes ? multiply_pairs<R, 2> : multiply_pairs<R, 1>)(a + r * lda, lda, b + j, ldb, K,
                                                                          c + r * ldc + j, ldc, add);
  }
};

#ifdef CAMO_BF16_TILES
/// The same on matrix tiles, which this thread may use while the object lives.
struct OnTiles {
  static constexpr int64_t kStep = kTileDepth;
  TileRegisters registers;
  void operator()(const bf16* a, int64_t lda, const Pair* b, int64_t ldb, int64_t K, float* c, int64_t ldc,
                  int64_t rows, int64_t cols, bool add) const {
    for (int64_t j = 0; j < cols; j += 2 * kTile)
      for (int64_t r = 0; r < rows; r += 2 * kTile)
        multiply_tiles((rows - r) / kTile, (cols - j) / kTile, a + r * lda, lda, b + j, ldb, K / kStep, c + r * ldc + j,
                       ldc, !add);
  }
};
#endif

/// Calls f.operator()<Units>() for the instructions in use.
template <class F> void with_units(const F& f) {
#ifdef CAMO_BF16_TILES
  if (bf16_units() == Bf16Units::tiles) return f.template operator()<OnTiles>();
#endif
  f.template operator()<OnPairs>();
}

// ---- packing -------------------------------------------------------------------------------------------------

/// Pairs of channels, a lane for each of `count` rows of D numbers; zeros up to `deep` channels and `vecs` vectors.
inline void pack_channel_pairs(const bf16* x, int64_t stride, int64_t count, int64_t D, int64_t deep, int vecs,
                               Pair* to) {
  pack_panel_transposed(x, stride, D, count, vecs, to);
  std::fill(to + ceil_div(D, 2) * vecs * kLanes, to + deep / 2 * vecs * kLanes, Pair{});
}

/// Pairs of neighbouring rows, a lane for each channel; zeros up to `padded` rows and whole vectors.
inline void pack_row_pairs(const bf16* x, int64_t stride, int64_t count, int64_t D, int64_t padded, Pair* to) {
  const int vecs = int(ceil_div(D, kLanes));
  pack_panel(x, stride, count, D, vecs, to);
  std::fill(to + ceil_div(count, 2) * vecs * kLanes, to + padded / 2 * vecs * kLanes, Pair{});
}

/// Rows of numbers, zeros up to `width` channels and `padded` rows.
inline void pack_numbers(const bf16* x, int64_t stride, int64_t count, int64_t D, int64_t width, int64_t padded,
                         bf16* to) {
  for (int64_t r = 0; r < count; ++r)
    std::fill(std::copy_n(x + r * stride, D, to + r * width), to + (r + 1) * width, bf16(0.0f));
  std::fill(to + count * width, to + padded * width, bf16(0.0f));
}

/// Transposed numbers: a row of `width` for each channel, zeros beyond `count` and up to whole vectors of channels.
inline void pack_numbers_transposed(const bf16* x, int64_t stride, int64_t count, int64_t D, int64_t width, bf16* to) {
  constexpr int64_t kBlock = 64;  // channels at a time
  alignas(64) float rows[kBlock * kLanes];
  for (int64_t j = 0; j < width; j += kLanes)
    for (int64_t d = 0; d < D; d += kBlock) {
      const int64_t some = std::min(kBlock, D - d);
      pack_panel_transposed(x + std::min(j, count) * stride + d, stride, some, count - j, 1, rows);
      for (int64_t i = 0; i < some; ++i)
        Vec<float>::load(rows + i * kLanes).store(to + (d + i) * width + j, int(std::min(kLanes, width - j)));
    }
  std::fill(to + D * width, to + round_up(D, kLanes) * width, bf16(0.0f));
}

/// Writes x (channels, lanes of queries) times factor(r) as rows of bf16 numbers, `stride` apart.
template <class F>
void write_transposed(const float* x, int64_t ld, int64_t rows, int64_t D, float* across, bf16* to, int64_t stride,
                      const F& factor) {
  const int vecs = int(ceil_div(D, kLanes));
  pack_panel_transposed(x, ld, rows, D, vecs, across);
  for (int64_t r = 0; r < rows; ++r)
    each_vec<float>(D, [&, f = Vec<float>(factor(r))](int64_t d, auto lanes) {
      store(Vec<float>::load(across + r * vecs * kLanes + d) * f, to + r * stride + d, lanes);
    });
}

}  // namespace camo::kernel
#endif
