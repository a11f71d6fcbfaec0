// The definitions that crf_test.cpp compares with, in f64 and without any trick: the permutohedral lattice as a map from
// integer coordinates, Gaussian sums over all pairs, and the mean field over either.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "examples/camo/predict/crf.h"

namespace camo::test {

using Numbers = std::vector<double>;
using Filter = std::function<Numbers(const Numbers&)>;

/// Features as the CRF has them: position over sigma, and colour over beta unless beta is 0.
inline Tensor plain_features(const Tensor& photograph, double sigma, double beta) {
  const int64_t W = photograph.dim(1), N = photograph.dim(0) * W;
  std::vector<float> out;
  for (int64_t i = 0; i < N; ++i) {
    out.push_back(float(double(i / W) / sigma)), out.push_back(float(double(i % W) / sigma));
    for (int64_t c = 0; beta > 0 && c < 3; ++c) out.push_back(float(photograph.read<uint8_t>()[3 * i + c] / beta));
  }
  return from<float>(out, {N, int64_t(out.size()) / N});
}

class PlainLattice {
 public:
  explicit PlainLattice(const Tensor& features) : d_(features.dim(1)) {
    for (int64_t i = 0; i < features.dim(0); ++i) add_point(features.read<float>() + i * d_);
  }

  size_t vertices() const { return vertices_.size(); }

  Numbers filter(const Numbers& values) const {
    std::map<Place, double> now = vertices_;
    for (size_t i = 0; i < values.size(); ++i)
      for (const auto& [place, weight] : points_[i]) now[place] += weight * values[i];
    for (int64_t axis = 0; axis <= d_; ++axis) {
      auto at = [&](Place place, int64_t sign) {
        for (int64_t k = 0; k <= d_; ++k) place[size_t(k)] += sign * (k == axis ? -d_ : 1);
        return now.count(place) ? now[place] : 0;
      };
      std::map<Place, double> next;
      for (const auto& [place, value] : now) next[place] = value / 2 + (at(place, 1) + at(place, -1)) / 4;
      now = next;
    }
    Numbers out;
    for (const auto& point : points_) {
      out.push_back(0);
      for (const auto& [place, weight] : point) out.back() += weight * now[place];
    }
    return out;
  }

 private:
  using Place = std::vector<int64_t>;  // d + 1 coordinates, whose sum is zero

  void add_point(const float* x) {
    const size_t n = size_t(d_) + 1;  // coordinates, and vertices of a simplex
    Numbers at(n);
    for (size_t k = 1; k < n; ++k) {  // basis vector k is (1, ..., 1, -k, 0, ..., 0)
      const double length = std::sqrt(double(k * (k + 1))), unit = double(n) * std::sqrt(2.0 / 3);
      const double f = (double(x[k - 1]) + program::kLatticeOrigin[k - 1]) * unit / length;
      for (size_t j = 0; j < k; ++j) at[j] += f;
      at[k] -= double(k) * f;
    }

    // The place of remainder 0: multiples of d + 1 below, of which those with the largest rests move up.
    Place zero(n);
    std::vector<std::pair<double, size_t>> rests;
    int64_t missing = 0;
    for (size_t k = 0; k < n; ++k) {
      const int64_t below = int64_t(std::floor(at[k] / double(n)));
      zero[k] = below * int64_t(n), missing -= below;
      rests.emplace_back(at[k] - double(zero[k]), k);
    }
    std::sort(rests.rbegin(), rests.rend());
    for (size_t k = 0; k < size_t(missing); ++k) zero[rests[k].second] += int64_t(n);
    for (auto& [rest, k] : rests) rest = at[k] - double(zero[k]);
    std::sort(rests.begin(), rests.end());

    // Vertex r adds r to every coordinate, less d + 1 where the rest is among the r smallest.
    std::vector<Place> corners(n, zero);
    for (size_t r = 0; r < n; ++r) {
      for (int64_t& c : corners[r]) c += int64_t(r);
      for (size_t k = 0; k < r; ++k) corners[r][rests[k].second] -= int64_t(n);
    }
    const Numbers weight = barycentric(corners, at);
    points_.emplace_back();
    for (size_t r = 0; r < n; ++r) {
      vertices_[corners[r]] = 0;
      points_.back().emplace_back(corners[r], weight[r]);
    }
  }

  /// The weights with sum 1 whose weighted sum of corners is `at`, by elimination with pivots.
  static Numbers barycentric(const std::vector<Place>& corners, const Numbers& at) {
    const size_t n = at.size();
    std::vector<Numbers> A(n, Numbers(n + 1, 1.0));  // the last row: the sum is 1
    for (size_t k = 0; k + 1 < n; ++k) {
      for (size_t r = 0; r < n; ++r) A[k][r] = double(corners[r][k]) - at[k];
      A[k][n] = 0;
    }
    for (size_t c = 0; c < n; ++c) {
      std::swap(A[c], *std::max_element(A.begin() + int64_t(c), A.end(), [c](const Numbers& a, const Numbers& b) {
                  return std::abs(a[c]) < std::abs(b[c]);
                }));
      for (size_t k = 0; k < n; ++k) {
        const double factor = k == c ? 0 : A[k][c] / A[c][c];
        for (size_t r = c; r <= n; ++r) A[k][r] -= factor * A[c][r];
      }
    }
    Numbers out;
    for (size_t k = 0; k < n; ++k) out.push_back(A[k][n] / A[k][k]);
    return out;
  }

  int64_t d_;
  std::map<Place, double> vertices_;  // all zero
  std::vector<std::vector<std::pair<Place, double>>> points_;
};

/// The filter of the lattice.
inline Filter plain_lattice_filter(const Tensor& features) {
  return [lattice = PlainLattice(features)](const Numbers& values) { return lattice.filter(values); };
}

/// Sums over all pairs, exp(-|f_i - f_j|^2 / 2) v_j.
inline Filter exact_filter(const Tensor& features) {
  const size_t N = size_t(features.dim(0)), d = size_t(features.dim(1));
  const float* f = features.read<float>();
  std::vector<Numbers> kernel(N, Numbers(N));
  for (size_t i = 0; i < N; ++i)
    for (size_t j = 0; j <= i; ++j) {
      double square = 0;
      for (size_t k = 0; k < d; ++k) square += std::pow(double(f[i * d + k]) - double(f[j * d + k]), 2);
      kernel[i][j] = kernel[j][i] = std::exp(-square / 2);
    }
  return [kernel = std::move(kernel)](const Numbers& values) {
    Numbers out(values.size());
    for (size_t j = 0; j < out.size(); ++j)
      for (size_t i = 0; i < out.size(); ++i) out[i] += kernel[j][i] * values[j];
    return out;
  };
}

/// The mean field of crf.h in f64, over these filters.
inline Numbers plain_mean_field(const Tensor& map, const Filter& bilateral, const Filter& spatial,
                                const program::CrfSettings& settings) {
  const size_t N = size_t(map.numel());
  struct Term {
    double weight;
    const Filter& filter;
    Numbers scale;
    Numbers operator()(const Numbers& v) const {
      Numbers scaled(v);
      for (size_t i = 0; i < v.size(); ++i) scaled[i] *= scale[i];
      Numbers out = filter(scaled);
      for (size_t i = 0; i < v.size(); ++i) out[i] *= scale[i];
      return out;
    }
  };
  std::vector<Term> terms = {{settings.bilateral, bilateral, {}}, {settings.spatial, spatial, {}}};
  for (Term& term : terms)
    for (double sum : term.filter(Numbers(N, 1.0))) term.scale.push_back(1 / std::sqrt(sum));
  Numbers logit, q;
  for (float p : to_vector<float>(map)) {
    q.push_back(std::clamp(double(p), program::kCrfClamp, 1 - program::kCrfClamp));
    logit.push_back(std::log(q.back() / (1 - q.back())));
  }
  for (int64_t step = 0; step < settings.iterations; ++step) {
    Numbers z = logit, signs(N);
    for (size_t i = 0; i < N; ++i) signs[i] = 2 * q[i] - 1;
    for (const Term& term : terms) {
      const Numbers message = term(signs);
      for (size_t i = 0; i < N; ++i) z[i] += term.weight * message[i];
    }
    for (size_t i = 0; i < N; ++i) q[i] = 1 / (1 + std::exp(-z[i]));
  }
  return q;
}

}  // namespace camo::test
