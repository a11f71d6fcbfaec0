// The rungs of layer norm as a Ladder.
#include "examples/ladders/ladder.h"

#include <algorithm>
#include <cmath>

#include "examples/ladders/norm/norm.h"
#include "examples/ladders/numbers.h"

namespace camo::ladder {

Ladder norm_ladder(bool small) {
  const int64_t rows = small ? 37 : 30976, C = small ? 77 : 64;
  auto x = noise(rows * C, 1, 3), gain = noise(C, 2), bias = noise(C, 3), y = zeros_of(rows * C);
  auto rung = [=](const char* name, const char* idea, void (*f)(const Norm&), int threads = 1) {
    return Rung{name, idea, [=] { f({rows, C, x->data(), gain->data(), bias->data(), y->data()}); }, threads, 0};
  };
  Ladder out{.name = "norm",
             .task = "layer norm of 30976 rows of 64 channels, f32, forward",
             .flops = 8.0 * double(rows * C),
             .bytes = 8.0 * double(rows * C),
             .bound_by_memory = true,
             .rungs = {rung("1_chains", "two sums, one term after another", norm_1_chains),
                       rung("2_lanes", "sixteen sums side by side", norm_2_lanes),
                       rung("3_vectors", "masked tails, four rows at a time", norm_3_vectors),
                       rung("4_threads", "blocks to all threads", norm_4_threads, 0)},
             .result = [=] { return std::vector<double>(y->begin(), y->end()); },
             .clear = [=] { std::fill(y->begin(), y->end(), NAN); },
             .truth = {}};
  if (!small) return out;
  for (int64_t r = 0; r < rows; ++r) {
    double mean = 0, variance = 0;
    for (int64_t c = 0; c < C; ++c) mean += double((*x)[size_t(r * C + c)]) / double(C);
    for (int64_t c = 0; c < C; ++c) variance += std::pow((*x)[size_t(r * C + c)] - mean, 2) / double(C);
    for (int64_t c = 0; c < C; ++c)
      out.truth.push_back(((*x)[size_t(r * C + c)] - mean) / std::sqrt(variance + double(kEps)) * (*gain)[size_t(c)] +
                          (*bias)[size_t(c)]);
  }
  return out;
}

}  // namespace camo::ladder
