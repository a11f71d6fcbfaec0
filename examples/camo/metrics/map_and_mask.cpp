#include "examples/camo/metrics/map_and_mask.h"

namespace camo::program {
namespace {

/// The sum of f(i) over [begin, begin + n) in NumPy's order: halves down to 128 numbers, then eight running sums.
template <class F> double pairwise_sum(int64_t begin, int64_t n, const F& f) {
  if (n > 128) {
    const int64_t half = n / 2 / 8 * 8;
    return pairwise_sum(begin, half, f) + pairwise_sum(begin + half, n - half, f);
  }
  double sum = 0, s[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; ++k) s[k] += f(begin + i + k);
  sum = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
  for (; i < n; ++i) sum += f(begin + i);
  return sum;
}

}  // namespace

GreyPair::GreyPair(const Tensor& prediction, const Tensor& truth_mask) {
  check<DTypeError>(prediction.dtype() == DType::u8 && truth_mask.dtype() == DType::u8, "score: takes u8 maps, got ",
                    prediction.dtype(), " and ", truth_mask.dtype());
  auto plane = [](const Tensor& x) { return x.rank() == 2 || (x.rank() == 3 && x.dim(2) == 1); };
  check(plane(prediction) && plane(truth_mask) && prediction.dim(0) == truth_mask.dim(0) &&
            prediction.dim(1) == truth_mask.dim(1),
        "score: prediction and mask must be (H, W, 1) of one size, got ", prediction.shape(), " and ",
        truth_mask.shape());
  check(truth_mask.numel() > 0, "score: a map of no pixels has no score");
  height = prediction.dim(0), width = prediction.dim(1), pixels = prediction.numel();
  map = prediction.read<uint8_t>(), mask = truth_mask.read<uint8_t>();

  for (Histogram& h : count) h.fill(0);
  for (int64_t i = 0; i < pixels; ++i) ++count[truth(i)][map[i]];
  for (int64_t n : count[1]) foreground += n;
  auto empty = [&](int v) { return count[0][v] + count[1][v] == 0; };
  while (empty(low)) ++low;
  while (empty(high)) --high;
  value.fill(0);
  for (int v = low; v <= high; ++v)
    value[v] = low == high ? v / 255.0 : (v / 255.0 - low / 255.0) / (high / 255.0 - low / 255.0);
}

double GreyPair::mean() const {
  // A grey level may be exactly twice the mean (the adaptive threshold); then the rounding of this sum decides.
  return pairwise_sum(0, pixels, [&](int64_t i) { return p(i); }) / double(pixels);
}

}  // namespace camo::program
