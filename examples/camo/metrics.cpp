#include "examples/camo/metrics.h"

#include <array>

namespace camo::program {

ImageScores score(const Tensor& prediction, const Tensor& mask) {
  check<DTypeError>(prediction.dtype() == DType::u8 && mask.dtype() == DType::u8,
                    "score: takes u8 maps, got ", prediction.dtype(), " and ", mask.dtype());
  auto plane = [](const Tensor& x) { return x.rank() == 2 || (x.rank() == 3 && x.dim(2) == 1); };
  check(plane(prediction) && plane(mask) && prediction.dim(0) == mask.dim(0) &&
            prediction.dim(1) == mask.dim(1),
        "score: prediction and mask must be (H, W, 1) of one size, got ", prediction.shape(), " and ",
        mask.shape());
  check(mask.numel() > 0, "score: a map of no pixels has no score");

  // Everything below depends on a pixel only through its grey level and its side of the mask: two histograms.
  std::array<std::array<int64_t, 256>, 2> count{};
  const uint8_t *p = prediction.read<uint8_t>(), *g = mask.read<uint8_t>();
  for (int64_t i = 0; i < mask.numel(); ++i) ++count[g[i] > 128][p[i]];

  int low = 0, high = 255;
  while (count[0][low] + count[1][low] == 0) ++low;
  while (count[0][high] + count[1][high] == 0) --high;
  double error = 0;
  int64_t hit = 0, predicted = 0, truth = 0;
  for (int v = low; v <= high; ++v) {
    double x = v / 255.0;
    if (low != high) x = (x - low / 255.0) / (high / 255.0 - low / 255.0);
    error += double(count[0][v]) * x + double(count[1][v]) * (1 - x);
    truth += count[1][v];
    if (x > 0.5) hit += count[1][v], predicted += count[0][v] + count[1][v];
  }
  int64_t either = predicted + truth - hit;
  ImageScores out;
  out.mae = error / double(mask.numel());
  out.iou = either ? double(hit) / double(either) : 0;
  out.dice = either ? 2 * double(hit) / double(predicted + truth) : 0;
  return out;
}

}  // namespace camo::program
