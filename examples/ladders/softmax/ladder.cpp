// The rungs of softmax as a Ladder.
#include "examples/ladders/ladder.h"

#include <algorithm>
#include <cmath>

#include "examples/ladders/numbers.h"
#include "examples/ladders/softmax/softmax.h"

namespace camo::ladder {

Ladder softmax_ladder(bool small) {
  const int64_t rows = small ? 37 : 15488, C = small ? 77 : 121;
  auto x = noise(rows * C, 1, 3), y = zeros_of(rows * C);
  auto rung = [=](const char* name, const char* idea, void (*f)(const Softmax&), int threads = 1) {
    return Rung{name, idea, [=] { f({rows, C, x->data(), y->data()}); }, threads, 0};
  };
  Ladder out{.name = "softmax",
             .task = "softmax of 15488 rows of 121 numbers, f32, forward",
             .flops = 25.0 * double(rows * C),
             .bytes = 8.0 * double(rows * C),
             .bound_by_memory = true,
             .rungs = {rung("1_twice", "the definition, each exponential twice", softmax_1_twice),
                       rung("2_kept", "each exponential once", softmax_2_kept),
                       rung("3_vectors", "sixteen exponentials at once", softmax_3_vectors),
                       rung("4_threads", "blocks of rows to all threads", softmax_4_threads, 0)},
             .result = [=] { return std::vector<double>(y->begin(), y->end()); },
             .clear = [=] { std::fill(y->begin(), y->end(), NAN); },
             .truth = {}};
  for (int64_t r = 0; small && r < rows; ++r) {
    const float *row = x->data() + r * C, top = *std::max_element(row, row + C);
    double sum = 0;
    for (int64_t c = 0; c < C; ++c) sum += std::exp(double(row[c]) - double(top));
    for (int64_t c = 0; c < C; ++c) out.truth.push_back(std::exp(double(row[c]) - double(top)) / sum);
  }
  return out;
}

}  // namespace camo::ladder
