// Rung 5: a tile of several rows, so that what is loaded is used several times.
//
// R rows by V vectors of sums fill the registers.  A step of k loads V vectors of B and R numbers of A, and has R V
// multiply-adds to do with them: 24 for 10 loads instead of 4 for 5.  Left to win: the rows of B that one tile reads are
// N numbers apart, so each step of k lies on other pages of memory.
#include "examples/ladders/product/product.h"

namespace camo::ladder {
namespace {

void tile(const Product& p, int64_t i, int64_t j) {
  Vec<float> sums[kTileRows][kTileVecs];
  for (auto& row : sums)
    for (auto& sum : row) sum = Vec<float>(0);
  for (int64_t k = 0; k < p.K; ++k) {
    Vec<float> b[kTileVecs];
    for (int v = 0; v < kTileVecs; ++v) b[v] = Vec<float>::load(p.B + k * p.N + j + v * kLanes);
    for (int r = 0; r < kTileRows; ++r) {
      const Vec<float> a(p.A[(i + r) * p.K + k]);
      for (int v = 0; v < kTileVecs; ++v) sums[r][v] += a * b[v];
    }
  }
  for (int r = 0; r < kTileRows; ++r)
    for (int v = 0; v < kTileVecs; ++v) sums[r][v].store(p.C + (i + r) * p.N + j + v * kLanes);
}

}  // namespace

void product_5_tile(const Product& p) {
  constexpr int64_t kStrip = kTileVecs * kLanes;
  const int64_t rows = p.M / kTileRows * kTileRows, columns = p.N / kStrip * kStrip;
  for (int64_t j = 0; j < columns; j += kStrip)
    for (int64_t i = 0; i < rows; i += kTileRows) tile(p, i, j);
  product_rest(p, 0, rows, columns);
  product_rest(p, rows, p.M, 0);
}

}  // namespace camo::ladder
