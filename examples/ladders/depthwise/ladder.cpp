// The rungs of depthwise convolution as a Ladder.
#include "examples/ladders/ladder.h"

#include <algorithm>
#include <cmath>

#include "examples/ladders/depthwise/depthwise.h"
#include "examples/ladders/numbers.h"

namespace camo::ladder {

Ladder depthwise_ladder(bool small) {
  const int64_t H = small ? 11 : 88, W = small ? 19 : 88, C = small ? 37 : 128;
  auto x = noise(H * W * C, 1), w = noise(kSide * kSide * C, 2), y = zeros_of(H * W * C);
  auto rung = [=](const char* name, const char* idea, void (*f)(const Depthwise&), int threads = 1) {
    return Rung{name, idea, [=] { f({H, W, C, x->data(), w->data(), y->data()}); }, threads, 0};
  };
  Ladder out{.name = "depthwise",
             .task = "depthwise convolution 7 x 7 of 88 x 88 pixels, 128 channels, f32, forward",
             .flops = 2.0 * double(kSide * kSide * H * W * C),
             .bytes = 8.0 * double(H * W * C),
             .rungs = {rung("1_planes", "the definition, channel by channel", depthwise_1_planes),
                       rung("2_channels", "channels innermost", depthwise_2_channels),
                       rung("3_registers", "sums in registers", depthwise_3_registers),
                       rung("4_strips", "eight outputs share their inputs", depthwise_4_strips),
                       rung("5_threads", "blocks of rows to all threads", depthwise_5_threads, 0)},
             .result = [=] { return std::vector<double>(y->begin(), y->end()); },
             .clear = [=] { std::fill(y->begin(), y->end(), NAN); },
             .truth = {}};
  for (int64_t i = 0; small && i < H; ++i)
    for (int64_t j = 0; j < W; ++j)
      for (int64_t c = 0; c < C; ++c) {
        double sum = 0;
        for (int64_t h = std::max<int64_t>(0, i - kHalf); h <= std::min(H - 1, i + kHalf); ++h)
          for (int64_t v = std::max<int64_t>(0, j - kHalf); v <= std::min(W - 1, j + kHalf); ++v)
            sum += double((*x)[size_t((h * W + v) * C + c)]) *
                   double((*w)[size_t(((h - i + kHalf) * kSide + v - j + kHalf) * C + c)]);
        out.truth.push_back(sum);
      }
  return out;
}

}  // namespace camo::ladder
