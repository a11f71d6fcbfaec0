#include "nn/init.h"

#include <algorithm>
#include <cmath>

namespace camo::nn {
namespace {

double uniform_bound(const Shape& weight) {
  return 1 / std::sqrt(double(std::max<int64_t>(weight.product(1, weight.rank()), 1)));
}

}  // namespace

Tensor trunc_normal(const Shape& shape, const RandomKey& key, double std, double low, double high, DType dtype) {
  check<ConfigError>(low < high && low <= 0 && high >= 0, "trunc_normal: bounds [", low, ", ", high,
                     "] must hold 0");
  std::vector<double> kept;
  RandomKey draw = key;
  for (bool again = true; again; ++draw.call) {
    again = false;
    std::vector<double> z = to_vector<double>(randn(shape, draw, 0, std, dtype));
    if (kept.empty()) kept.assign(z.size(), high + 1);
    for (size_t i = 0; i < z.size(); ++i) {
      if (kept[i] <= high) continue;
      if (z[i] >= low && z[i] <= high) kept[i] = z[i];
      else again = true;
    }
  }
  return dtype == DType::f64 ? from(kept, shape) : from(std::vector<float>(kept.begin(), kept.end()), shape);
}

Tensor init_weight(Init init, const Shape& shape, const RandomKey& key, DType dtype, int64_t groups) {
  check<DTypeError>(dtype == DType::f32 || dtype == DType::f64, "init: parameters are f32 or f64, got ", dtype);
  if (init == Init::trunc_normal) return trunc_normal(shape, key, 0.02, -2, 2, dtype);
  if (init == Init::fan_out) {
    int64_t fan_out = shape.product(1, shape.rank() - 1) * shape[0] / groups;
    return randn(shape, key, 0, std::sqrt(2.0 / double(std::max<int64_t>(fan_out, 1))), dtype);
  }
  double bound = uniform_bound(shape);
  return rand(shape, key, -bound, bound, dtype);
}

Tensor init_bias(Init init, const Shape& weight_shape, const RandomKey& key, DType dtype) {
  Shape shape{weight_shape[0]};
  if (init != Init::uniform) return zeros(shape, dtype);
  double bound = uniform_bound(weight_shape);
  return rand(shape, key, -bound, bound, dtype);
}

}  // namespace camo::nn
