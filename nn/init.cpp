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
  check<ConfigError>(low < high && low <= 0 && high >= 0, "trunc_normal: bounds [", low, ", ", high, "] must hold 0");
  Tensor x = randn(shape, key, 0, std, dtype);
  with_float(dtype, "trunc_normal", [&]<class T>() {
    T* p = x.write<T>();
    auto inside = [&](int64_t i) { return acc_t<T>(p[i]) >= low && acc_t<T>(p[i]) <= high; };
    std::vector<int64_t> outside;
    for (int64_t i = 0; i < x.numel(); ++i)
      if (!inside(i)) outside.push_back(i);
    for (RandomKey draw = key; !outside.empty();) {
      ++draw.call;
      Tensor again = randn({int64_t(outside.size())}, draw, 0, std, dtype);
      const T* next = again.read<T>();
      std::erase_if(outside, [&](int64_t i) { return p[i] = *next++, inside(i); });
    }
  });
  return x;
}

Start init_weight(Init init, int64_t groups) {
  return [=](const Shape& shape, const RandomKey& key, DType dtype) {
    check<DTypeError>(dtype == DType::f32 || dtype == DType::f64, "init: parameters are f32 or f64, got ", dtype);
    if (init == Init::trunc_normal) return trunc_normal(shape, key, 0.02, -2, 2, dtype);
    if (init == Init::trunc_normal_tf) return trunc_normal(shape, key, 0.02, -0.04, 0.04, dtype);
    if (init == Init::fan_out) {
      int64_t fan_out = shape.product(1, shape.rank() - 1) * shape[0] / groups;
      return randn(shape, key, 0, std::sqrt(2.0 / double(std::max<int64_t>(fan_out, 1))), dtype);
    }
    double bound = uniform_bound(shape);
    return rand(shape, key, -bound, bound, dtype);
  };
}

Start init_bias(Init init, const Shape& weight_shape) {
  if (init != Init::uniform) return constant(0);
  return [bound = uniform_bound(weight_shape)](const Shape& shape, const RandomKey& key, DType dtype) {
    return rand(shape, key, -bound, bound, dtype);
  };
}

Start constant(double value) {
  return [value](const Shape& shape, const RandomKey&, DType dtype) { return full(shape, value, dtype); };
}

}  // namespace camo::nn
