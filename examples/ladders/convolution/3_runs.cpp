// Rung 3: no copy.  A row of the left operand is nine runs of C numbers that lie in the image already (Dukhan 2019, arXiv:1907.02129).
//
// The register tile of the product reads row r from front to back.  So it only has to be told where each run begins; a run beyond
// the image is one of zeros.
#include <vector>

#include "examples/ladders/convolution/convolution.h"

namespace camo::ladder {
namespace {

struct Runs {
  const float* begin[9];
};

/// R outputs times kStrip output channels; b: a panel of the packed weights.
template <int R> void tile(const Runs* rows, int64_t C, const float* b, float* y, int64_t ldy) {
  Vec<float> sums[R][kTileVecs];
  for (auto& row : sums)
    for (auto& sum : row) sum = Vec<float>(0);
  for (int tap = 0; tap < 9; ++tap) {
    const float* a[R];
    for (int r = 0; r < R; ++r) a[r] = rows[r].begin[tap];
    for (int64_t k = 0; k < C; ++k, b += kStrip) {
      Vec<float> right[kTileVecs];
      for (int v = 0; v < kTileVecs; ++v) right[v] = Vec<float>::load(b + v * kLanes);
      for (int r = 0; r < R; ++r)
        for (int v = 0; v < kTileVecs; ++v) sums[r][v] += Vec<float>(a[r][k]) * right[v];
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < kTileVecs; ++v) sums[r][v].store(y + r * ldy + v * kLanes);
}

/// The output channels that no panel has.
void rest(const Convolution& c, const Runs& row, const float* weights, float* y) {
  for (int64_t o = c.O / kStrip * kStrip; o < c.O; ++o) {
    y[o] = 0;
    for (int64_t tap = 0; tap < 9; ++tap)
      for (int64_t k = 0; k < c.C; ++k) y[o] += row.begin[tap][k] * weights[(tap * c.C + k) * c.O + o];
  }
}

}  // namespace

void convolution_3_runs(const Convolution& c) {
  const int64_t pixels = c.H * c.W, K = 9 * c.C;
  const Turned weights(c);
  const Packed packed({pixels, c.O, K, nullptr, weights.numbers, nullptr});
  const std::vector<float> zeros(static_cast<size_t>(c.C));
  std::vector<Runs> rows(static_cast<size_t>(pixels));
  for (int64_t p = 0; p < pixels; ++p)
    for (int64_t tap = 0; tap < 9; ++tap) {
      const float* x = c.pixel(p / c.W + tap / 3 - 1, p % c.W + tap % 3 - 1);
      rows[size_t(p)].begin[tap] = x ? x : zeros.data();
    }
  for (int64_t j = 0; j < c.O / kStrip; ++j) {
    const float* b = packed.numbers + j * K * kStrip;
    int64_t p = 0;
    for (; p + kTileRows <= pixels; p += kTileRows)
      tile<kTileRows>(&rows[size_t(p)], c.C, b, c.y + p * c.O + j * kStrip, c.O);
    for (; p < pixels; ++p) tile<1>(&rows[size_t(p)], c.C, b, c.y + p * c.O + j * kStrip, c.O);
  }
  for (int64_t p = 0; p < pixels; ++p) rest(c, rows[size_t(p)], weights.numbers, c.y + p * c.O);
}

}  // namespace camo::ladder
