// C = act(A B + bias) for bf16 A on matrix tiles.
//
// B is packed as for pairs, k padded with zeros to whole tiles.  A block of rows of A is copied so that its pieces lie one
// after another, padded likewise; a dense A with whole tiles is read in place.  A range of k of two tiles of B's columns
// stays in the L1 cache while all rows of the block pass.
#include "tensor/cpu/kernels/gemm_tiles.h"

#ifdef CAMO_BF16_TILES
#include "tensor/cpu/kernels/gemm_panel.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"

namespace camo::kernel {
namespace {

constexpr int64_t kTileTasks = 32;              // enough tasks to share among threads
constexpr int64_t kTileBlockBytes = 256 << 10;  // rows of A that a block keeps in the L2 cache
constexpr int64_t kTileRange = 16;              // steps of k whose two tiles of B's columns fit the L1 cache
constexpr int64_t kTileMostRows = 24 * kTile;   // of a block
constexpr int64_t kTilePage = 4096;             // rows so far apart share lines of the L1 cache

/// Rows [m, m + count) of A, each `lda` numbers after the one before, k padded with zeros.
void copy_rows(const Pieces<bf16>& a, int64_t m, int64_t count, int64_t lda, bf16* out) {
  const int64_t each = round_up(a.length, 2);
  Scratch<const bf16*> runs(std::max<int64_t>(a.pieces, 1) * count);
  a.find(m, count, runs, count);
  for (int64_t i = 0; i < count; ++i) {
    bf16* row = out + i * lda;
    for (int64_t p = 0; p < a.pieces; ++p, row += each) {
      std::memcpy(row, runs[p * count + i], size_t(a.length) * sizeof(bf16));
      if (a.length < each) row[a.length] = bf16(0.0f);
    }
    std::fill(row, out + (i + 1) * lda, bf16(0.0f));
  }
}

/// Rows of sums as results: bias or the old C is added, then the activation.
template <class TC>
void write_rows(float* sums, int64_t ld, int64_t count, TC* const* c, int64_t column, int64_t cols, const float* bias,
                const Finish<float>& finish) {
  constexpr int S = Vec<float>::size;
  auto write = [&](auto f) {
    for (int64_t i = 0; i < count; ++i)
      for (int64_t j = 0; j < cols; j += S) {
        const int lanes = int(std::min<int64_t>(S, cols - j));
        Vec<float> y = Vec<float>::load(sums + i * ld + j);
        if (finish.accumulate) y += Vec<float>::load(c[i] + column + j, lanes);
        else if (bias) y += Vec<float>::load(bias + column + j);
        if (lanes == S) Unit<Pair>::store(f(y), c[i] + column + j);
        else f(y).store(c[i] + column + j, lanes);
      }
  };
  if (finish.act == Act::none) write([](Vec<float> y) { return y; });
  if (finish.act == Act::relu) write([](Vec<float> y) { return Relu::f(y); });
  if (finish.act == Act::gelu) write([](Vec<float> y) { return Gelu::f(y); });
}

}  // namespace

template <class TB, class TC>
void multiply_on_tiles(const Pieces<bf16>& a, const Right<TB>& b, int64_t N, const Rows<TC>& c,
                       const Finish<float>& finish) {
  constexpr int S = Vec<float>::size;
  const int64_t M = a.rows, steps = ceil_div(a.pieces * ceil_div(a.length, 2), kTile), deep = steps * kTile;
  const Panels<float> panels(N);
  Scratch<Pair> packed(deep * panels.vectors * S);
  pack_panels<Pair>(b, a.pieces, a.length, N, panels, deep, packed);
  Scratch<float> bias(panels.vectors * S);
  if (finish.bias) std::fill(std::copy_n(finish.bias, N, bias + 0), bias + panels.vectors * S, 0.0f);

  const bool whole = a.data && a.length == steps * kTileDepth && a.ld * int64_t(sizeof(bf16)) % kTilePage != 0;
  const int64_t lda = 2 * deep + kTileDepth;  // not a multiple of a page
  int64_t rows =
      std::min(kTileBlockBytes / (lda * int64_t(sizeof(bf16))), ceil_div(M, ceil_div(kTileTasks, panels.count)));
  rows = std::clamp<int64_t>(round_up(rows, 2 * kTile), 2 * kTile, kTileMostRows);
  const int64_t blocks = ceil_div(M, rows), groups = std::min(panels.count, ceil_div(kTileTasks, blocks));

  parallel_chunks(blocks * groups, 1, [&](int64_t task, int64_t) {
    const int64_t m0 = task / groups * rows, count = std::min(rows, M - m0), group = task % groups;
    const int64_t tiles = ceil_div(count, kTile), height = tiles * kTile;
    const bool in_place = whole && count == height;
    Scratch<bf16> copied(in_place ? 0 : height * lda);
    if (!in_place) {
      copy_rows(a, m0, count, lda, copied);
      std::fill(copied + count * lda, copied + height * lda, bf16(0.0f));
    }
    const bf16* left = in_place ? a.data + m0 * a.ld : copied;
    const int64_t ld = in_place ? a.ld : lda;
    TC* out[kTileMostRows];
    if (c.find) c.find(m0, count, out);
    else
      for (int64_t i = 0; i < count; ++i) out[i] = c.data + (m0 + i) * c.ld;
    // Sums of two tiles by two are written while they are in the L1 cache; those of several ranges of k wait in memory.
    const bool one_range = steps <= kTileRange;
    alignas(64) float near[2 * kTile * 2 * S];
    Scratch<float> far(one_range ? 0 : height * 2 * S);
    float* const sums = one_range ? near : far;
    const TileRegisters registers;
    for (int64_t p = panels.count * group / groups; p < panels.count * (group + 1) / groups; ++p) {
      const int64_t vecs = panels.vecs(p), width = vecs * S, column = panels.column(p);
      const Pair* right = packed + column * deep;
      for (int64_t v = 0; v < vecs; v += 2)
        for (int64_t s = 0; s < std::max<int64_t>(steps, 1); s += kTileRange)
          for (int64_t t = 0; t < tiles; t += 2) {
            float* const sum = sums + (one_range ? 0 : t * kTile * 2 * S);
            multiply_tiles(tiles - t, vecs - v, left + t * kTile * ld + s * kTileDepth, ld,
                           right + s * kTile * width + v * S, width, std::min(kTileRange, steps - s), sum, 2 * S,
                           s == 0);
            if (s + kTileRange < steps) continue;
            const int64_t first = column + v * S;
            write_rows(sum, 2 * S, std::min(2 * kTile, count - t * kTile), out + t * kTile, first,
                       std::min<int64_t>({2 * S, (vecs - v) * S, N - first}), finish.bias ? bias + 0 : nullptr, finish);
          }
    }
  });
}

template void multiply_on_tiles(const Pieces<bf16>&, const Right<float>&, int64_t, const Rows<bf16>&,
                                const Finish<float>&);
template void multiply_on_tiles(const Pieces<bf16>&, const Right<bf16>&, int64_t, const Rows<bf16>&,
                                const Finish<float>&);

}  // namespace camo::kernel
#endif
