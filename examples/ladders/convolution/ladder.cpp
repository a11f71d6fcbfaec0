// The rungs of convolution as a Ladder.
#include "examples/ladders/ladder.h"

#include <algorithm>
#include <cmath>

#include "examples/ladders/convolution/convolution.h"
#include "examples/ladders/numbers.h"

namespace camo::ladder {

Ladder convolution_ladder(bool small) {
  const int64_t H = small ? 9 : 88, W = small ? 7 : 88, C = small ? 5 : 64, O = small ? 70 : 64;
  auto x = noise(H * W * C, 1), w = noise(O * 9 * C, 2), y = zeros_of(H * W * O);
  auto rung = [=](const char* name, const char* idea, void (*f)(const Convolution&), int64_t memory, int threads = 1) {
    return Rung{name, idea, [=] { f({H, W, C, O, x->data(), w->data(), y->data()}); }, threads, 4 * memory};
  };
  const int64_t weights = 9 * C * O, transformed = 2 * 36 * C * O, tiles = (H + 3) / 4 * ((W + 3) / 4);
  Ladder out{
      .name = "convolution",
      .task = "convolution 3 x 3 of 88 x 88 pixels, 64 to 64 channels, f32, forward",
      .flops = 18.0 * double(H * W * C * O),
      .bytes = 4.0 * double(H * W * (C + O) + weights),
      .rungs = {rung("1_loops", "the definition", convolution_1_loops, 0),
                rung("2_im2col", "windows as a matrix", convolution_2_im2col, 9 * H * W * C + 2 * weights),
                rung("3_runs", "windows where they lie", convolution_3_runs, 18 * H * W + 2 * weights),
                rung("4_winograd", "36 products for 144", convolution_4_winograd, transformed + 36 * tiles * (C + O)),
                rung("5_threads", "blocks of tiles, on all threads", convolution_5_threads,
                     transformed + 2 * 36 * 44 * (C + O), 0)},
      .result = [=] { return std::vector<double>(y->begin(), y->end()); },
      .clear = [=] { std::fill(y->begin(), y->end(), NAN); },
      .truth = {}};
  out.rungs[3].tolerance = out.rungs[4].tolerance = 1e-5;  // its transforms cancel: chapter 6
  for (int64_t p = 0; small && p < H * W; ++p)
    for (int64_t o = 0; o < O; ++o) {
      double sum = 0;
      for (int64_t tap = 0; tap < 9; ++tap) {
        const int64_t i = p / W + tap / 3 - 1, j = p % W + tap % 3 - 1;
        for (int64_t k = 0; k < C && i >= 0 && j >= 0 && i < H && j < W; ++k)
          sum += double((*x)[size_t((i * W + j) * C + k)]) * double((*w)[size_t((o * 9 + tap) * C + k)]);
      }
      out.truth.push_back(sum);
    }
  return out;
}

}  // namespace camo::ladder
