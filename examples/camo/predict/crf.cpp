#include "examples/camo/predict/crf.h"

#include <algorithm>
#include <cmath>

#include "examples/camo/predict/photograph_and_map.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

constexpr int64_t kExpCost = 16;  // of a pixel with one exponential, for parallel_for

float sigmoid_of(double z) { return float(1 / (1 + std::exp(-z))); }

/// (H * W, 2): row and column in standard deviations.
Tensor positions(const Tensor& photograph, double gamma) {
  const int64_t W = photograph.dim(1), N = photograph.dim(0) * W;
  Tensor out = empty({N, 2}, DType::f32);
  float* to = out.write<float>();
  parallel_for(
      N, 2, [=](int64_t i) { to[2 * i] = float(double(i / W) / gamma), to[2 * i + 1] = float(double(i % W) / gamma); });
  return out;
}

/// (H * W, 5): row, column, red, green and blue in standard deviations.
Tensor positions_and_colours(const Tensor& photograph, double alpha, double beta) {
  const int64_t W = photograph.dim(1), N = photograph.dim(0) * W;
  const uint8_t* rgb = photograph.read<uint8_t>();
  Tensor out = empty({N, 5}, DType::f32);
  float* to = out.write<float>();
  parallel_for(N, 5, [=](int64_t i) {
    to[5 * i] = float(double(i / W) / alpha), to[5 * i + 1] = float(double(i % W) / alpha);
    for (int64_t c = 0; c < 3; ++c) to[5 * i + 2 + c] = float(double(rgb[3 * i + c]) / beta);
  });
  return out;
}

const Tensor& checked_photograph(const Tensor& photograph, const CrfSettings& s) {
  check_photograph("crf", photograph);
  for (double width : {s.alpha, s.beta, s.gamma})
    check<ConfigError>(width > 0 && std::isfinite(width), "crf: alpha, beta and gamma must be above 0, got ", s.alpha,
                       ", ", s.beta, " and ", s.gamma);
  return photograph;
}

}  // namespace

Crf::Kernel::Kernel(const Tensor& features) : lattice(features) {
  const int64_t N = features.dim(0);
  Tensor sums = lattice.filter(ones({N}));
  scale.resize(size_t(N)), total.resize(size_t(N));
  float* x = sums.write<float>();
  for (int64_t i = 0; i < N; ++i) x[i] = scale[size_t(i)] = float(1 / std::sqrt(double(x[i])));
  Tensor totals = lattice.filter(sums);
  for (int64_t i = 0; i < N; ++i) total[size_t(i)] = scale[size_t(i)] * totals.read<float>()[i];
}

Crf::Crf(const Tensor& photograph, const CrfSettings& s)
    : height_(checked_photograph(photograph, s).dim(0)),
      width_(photograph.dim(1)),
      bilateral_(positions_and_colours(photograph, s.alpha, s.beta)),
      spatial_(positions(photograph, s.gamma)) {}

Tensor Crf::refine(const Tensor& map, const CrfSettings& s) const {
  check_map("crf", map, height_, width_);
  check<ConfigError>(s.iterations >= 0, "crf: the number of iterations must be 0 or more, got ", s.iterations);
  for (double w : {s.bilateral, s.spatial})
    check<ConfigError>(w >= 0 && std::isfinite(w), "crf: weights must be 0 or more, got ", s.bilateral, " and ",
                       s.spatial);
  const int64_t N = map.numel();
  const float* p = map.read<float>();
  std::vector<double> logit(static_cast<size_t>(N)), z;
  Tensor q = empty({N}, DType::f32), scaled = empty({N}, DType::f32);
  parallel_for(N, kExpCost, [&, to = q.write<float>()](int64_t i) {
    const double clamped = std::clamp(double(p[i]), kCrfClamp, 1 - kCrfClamp);
    logit[size_t(i)] = std::log(clamped / (1 - clamped)), to[i] = float(clamped);
  });
  for (int64_t step = 0; step < s.iterations; ++step) {
    z = logit;
    for (auto [kernel, weight] : {std::pair(&bilateral_, s.bilateral), std::pair(&spatial_, s.spatial)}) {
      if (weight == 0) continue;
      const float *scale = kernel->scale.data(), *total = kernel->total.data();
      parallel_for(N, 2,
                   [=, from = q.read<float>(), to = scaled.write<float>()](int64_t i) { to[i] = scale[i] * from[i]; });
      const Tensor sums = kernel->lattice.filter(scaled);
      parallel_for(N, 4, [&, weight = weight, from = sums.read<float>()](int64_t i) {
        z[size_t(i)] += weight * (2.0 * scale[i] * from[i] - total[i]);
      });
    }
    parallel_for(N, kExpCost, [&, to = q.write<float>()](int64_t i) { to[i] = sigmoid_of(z[size_t(i)]); });
  }
  return q.reshape(map.shape());
}

Tensor refine_by_crf(const Tensor& photograph, const Tensor& map, const CrfSettings& settings) {
  return Crf(photograph, settings).refine(map, settings);
}

}  // namespace camo::program
