// The rungs of attention as a Ladder.
#include "examples/ladders/ladder.h"

#include <algorithm>
#include <cmath>

#include "examples/ladders/attention/attention.h"
#include "examples/ladders/numbers.h"

namespace camo::ladder {

Ladder attention_ladder(bool small) {
  const int64_t N = small ? 203 : 1936, D = small ? 20 : 64;
  auto Q = noise(N * D, 1, 3), K = noise(N * D, 2), V = noise(N * D, 3), Y = zeros_of(N * D);
  auto rung = [=](const char* name, const char* idea, void (*f)(const Attention&), int64_t memory, int threads = 1) {
    return Rung{name, idea, [=] { f({N, D, Q->data(), K->data(), V->data(), Y->data()}); }, threads, memory};
  };
  Ladder out{.name = "attention",
             .task = "attention of one head: 1936 queries and keys of 64 channels, f32, forward",
             .flops = 4.0 * double(N * N * D),
             .bytes = 16.0 * double(N * D),
             .rungs = {rung("1_matrix", "a matrix of scores", attention_1_matrix, 4 * N * N),
                       rung("2_online", "no score is kept", attention_2_online, 0),
                       rung("3_tiles", "128 keys at a time, in vectors", attention_3_tiles, 4 * N * D),
                       rung("4_registers", "8 queries at a time", attention_4_registers, 8 * N * D),
                       rung("5_threads", "blocks to all threads", attention_5_threads, 8 * N * D, 0)},
             .result = [=] { return std::vector<double>(Y->begin(), Y->end()); },
             .clear = [=] { std::fill(Y->begin(), Y->end(), NAN); },
             .truth = {}};
  if (!small) return out;
  out.truth.assign(size_t(N * D), 0);
  const auto at = [D](const auto& x, int64_t i, int64_t d) { return double((*x)[size_t(i * D + d)]); };
  for (int64_t i = 0; i < N; ++i) {
    double total = 0;
    for (int64_t j = 0; j < N; ++j) {
      double s = 0;
      for (int64_t d = 0; d < D; ++d) s += at(Q, i, d) * at(K, j, d);
      const double p = std::exp(s / std::sqrt(double(D)));
      total += p;
      for (int64_t d = 0; d < D; ++d) out.truth[size_t(i * D + d)] += p * at(V, j, d);
    }
    for (int64_t d = 0; d < D; ++d) out.truth[size_t(i * D + d)] /= total;
  }
  return out;
}

}  // namespace camo::ladder
