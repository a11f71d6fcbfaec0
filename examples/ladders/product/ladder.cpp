// The rungs of the matrix product as a Ladder.
#include "examples/ladders/ladder.h"

#include <algorithm>
#include <cmath>

#include "examples/ladders/numbers.h"
#include "examples/ladders/product/product.h"

namespace camo::ladder {

Ladder product_ladder(bool small) {
  const int64_t M = small ? 53 : 1936, N = small ? 77 : 320, K = small ? 301 : 1280;
  auto A = noise(M * K, 1), B = noise(K * N, 2), C = zeros_of(M * N);
  auto rung = [=](const char* name, const char* idea, void (*f)(const Product&), int threads = 1, int64_t memory = 0) {
    return Rung{name, idea, [=] { f({M, N, K, A->data(), B->data(), C->data()}); }, threads, memory};
  };
  const int64_t packed = N / (kTileVecs * kLanes) * (kTileVecs * kLanes) * K * 4;
  Ladder out{
      .name = "product",
      .task = "C (1936, 320) = A (1936, 1280) B (1280, 320), f32",
      .flops = 2.0 * double(M * N * K),
      .bytes = 4.0 * double(M * K + K * N + M * N),
      .rungs = {rung("1_dots", "a sum for each element", product_1_dots),
                rung("2_rows", "inner loop along rows", product_2_rows), rung("3_eigen", "a library", product_3_eigen),
                rung("4_vectors", "sums in registers", product_4_vectors),
                rung("5_tile", "a tile of 6 rows", product_5_tile),
                rung("6_packed", "B packed, ranges of k", product_6_packed, 1, packed),
                rung("7_threads", "blocks to all threads", product_7_threads, 0, packed)},
      .result = [=] { return std::vector<double>(C->begin(), C->end()); },
      .clear = [=] { std::fill(C->begin(), C->end(), NAN); },
      .truth = {}};
  if (!small) return out;
  out.truth.assign(size_t(M * N), 0);
  for (int64_t i = 0; i < M; ++i)
    for (int64_t k = 0; k < K; ++k)
      for (int64_t j = 0; j < N; ++j)
        out.truth[size_t(i * N + j)] += double((*A)[size_t(i * K + k)]) * double((*B)[size_t(k * N + j)]);
  return out;
}

}  // namespace camo::ladder
