#include "examples/camo/predict/lattice.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/parallel.h"

namespace camo::program {
namespace {

/// Numbers keys from 0 in the order of their first appearance.  A hash table with open addressing.
class KeyNumbers {
 public:
  /// The number of this key, which is a new one at its first appearance.
  int32_t number(int64_t key) {
    size_t i = home(key);
    for (; slots_[i].number >= 0; i = (i + 1) & (slots_.size() - 1))
      if (slots_[i].key == key) return slots_[i].number;
    slots_[i] = {key, int32_t(keys_.size())};
    keys_.push_back(key);
    if (2 * keys_.size() > slots_.size()) grow();
    return int32_t(keys_.size()) - 1;
  }
  /// The number of this key, or the count of numbers if it has none.
  int32_t find(int64_t key) const {
    for (size_t i = home(key); slots_[i].number >= 0; i = (i + 1) & (slots_.size() - 1))
      if (slots_[i].key == key) return slots_[i].number;
    return int32_t(keys_.size());
  }
  const std::vector<int64_t>& keys() const { return keys_; }

 private:
  struct Slot {
    int64_t key = 0;
    int32_t number = -1;
  };
  size_t home(int64_t key) const { return (uint64_t(key) * 0x9e3779b97f4a7c15ull) >> shift_; }
  void grow() {
    slots_.assign(2 * slots_.size(), {});
    --shift_;
    for (size_t n = 0; n < keys_.size(); ++n) {
      size_t i = home(keys_[n]);
      while (slots_[i].number >= 0) i = (i + 1) & (slots_.size() - 1);
      slots_[i] = {keys_[n], int32_t(n)};
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1 << 10);
  int shift_ = 64 - 10;
  std::vector<int64_t> keys_;
};

/// The lattice as coordinates: d + 1 integers that sum to zero and leave the same remainder modulo d + 1.  A vertex is one
/// number, its key, the sum of stride times coordinate over the first d; the strides keep the keys of all vertices
/// around the points apart.
template <int D> class Embedding {
 public:
  explicit Embedding(const Tensor& features) {
    const float* x = features.read<float>();
    std::array<double, D> largest = {};
    bool finite = true;
    for (int64_t i = 0; i < features.dim(0); ++i)
      for (int k = 0; k < D; ++k) {
        finite &= std::isfinite(x[i * D + k]);
        largest[k] = std::max(largest[k], std::abs(double(x[i * D + k]) + kLatticeOrigin[k]));
      }
    check<DataError>(finite, "lattice: features must be finite");
    // After the blur, whose variance is part of it, a feature's standard deviation is 1.
    for (int k = 0; k < D; ++k) scale_[k] = (D + 1) * std::sqrt(2.0 / 3) / std::sqrt((k + 1.0) * (k + 2.0));
    double places = 1;
    int64_t sum = 0;
    for (int k = 0; k < D; ++k) {
      stride_[k] = int64_t(places), sum += stride_[k];
      places *= 2 * extent(k, largest) + 1;
      check<ConfigError>(places < 0x1p62,
                         "lattice: features must spread over fewer than 2^62 places, got features up to ",
                         *std::max_element(largest.begin(), largest.end()), "  [take larger standard deviations]");
    }
    for (int k = 0; k <= D; ++k) step_[k] = sum - (D + 1) * stride_[k];
  }

  /// What to add to a vertex's key for its neighbour along an axis.
  int64_t step(int axis) const { return step_[axis]; }

  /// The keys of the d + 1 vertices around a point, by remainder, and its barycentric coordinates.
  void locate(const float* x, int64_t* key, float* weight) const {
    double at[D + 1], sum = 0;
    for (int k = D; k > 0; --k) {
      const double f = (double(x[k - 1]) + kLatticeOrigin[k - 1]) * scale_[k - 1];
      at[k] = sum - k * f;
      sum += f;
    }
    at[0] = sum;

    // The nearest place with remainder 0: round each coordinate, then move those that were rounded most, so that the sum
    // is zero.  rank: how many coordinates have a larger rest, of which order[rank] is the inverse.
    int64_t whole[D + 1], excess = 0;
    int rank[D + 1] = {}, order[D + 1];
    double rest[D + 1];
    for (int k = 0; k <= D; ++k) {
      const double nearest = std::floor(at[k] / (D + 1) + 0.5);
      whole[k] = int64_t(nearest), excess += whole[k];
      rest[k] = at[k] / (D + 1) - nearest;
    }
    for (int k = 0; k < D; ++k)
      for (int j = k + 1; j <= D; ++j) ++rank[rest[k] < rest[j] ? k : j];
    for (int k = 0; k <= D; ++k) {
      rank[k] += int(excess);
      const int turn = rank[k] < 0 ? 1 : rank[k] > D ? -1 : 0;
      rank[k] += turn * (D + 1), whole[k] += turn, rest[k] -= turn;
      order[rank[k]] = k;
    }

    key[0] = 0;
    for (int k = 0; k < D; ++k) key[0] += stride_[k] * whole[k] * (D + 1);
    for (int r = 1; r <= D; ++r) key[r] = key[r - 1] + step_[order[D + 1 - r]];
    weight[0] = float(1 + rest[order[D]] - rest[order[0]]);
    for (int r = 1; r <= D; ++r) weight[r] = float(rest[order[D - r]] - rest[order[D + 1 - r]]);
  }

 private:
  /// The largest coordinate k of any vertex or neighbour.
  double extent(int k, const std::array<double, D>& largest) const {
    double sum = 4 * (D + 1);
    for (int j = 0; j < D; ++j) sum += j >= k ? largest[j] * scale_[j] : j == k - 1 ? k * largest[j] * scale_[j] : 0;
    return std::ceil(sum);
  }

  std::array<double, D> scale_;
  std::array<int64_t, D + 1> stride_ = {}, step_;
};

/// Finds the vertices of the points and numbers them; the arguments are the members of Lattice with these names.
/// Returns the number of vertices.
template <int D>
int64_t embed(const Tensor& features, std::vector<int32_t>& corner, std::vector<float>& weight,
              std::vector<int32_t>& beside) {
  const int64_t N = features.dim(0);
  const Embedding<D> embedding(features);
  const float* x = features.read<float>();
  std::vector<int64_t> key(size_t(N * (D + 1)));
  weight.resize(key.size()), corner.resize(key.size());
  parallel_for(
      N, 64, [&](int64_t i) { embedding.locate(x + i * D, &key[size_t(i * (D + 1))], &weight[size_t(i * (D + 1))]); });
  KeyNumbers numbers;
  for (size_t i = 0; i < key.size(); ++i) corner[i] = numbers.number(key[i]);

  const std::vector<int64_t>& place = numbers.keys();
  const int64_t count = int64_t(place.size());
  beside.resize(size_t((D + 1) * count * 2));
  parallel_for((D + 1) * count, 32, [&](int64_t i) {
    const int64_t step = embedding.step(int(i / count)), here = place[size_t(i % count)];
    beside[size_t(2 * i)] = numbers.find(here - step), beside[size_t(2 * i + 1)] = numbers.find(here + step);
  });
  return count;
}

}  // namespace

Lattice::Lattice(const Tensor& features) {
  auto [N, D] = dims<2>(features, "lattice: features (N, d)");
  check((D == 2 || D == 5) && N > 0 && N * (D + 1) <= std::numeric_limits<int32_t>::max(),
        "lattice: takes features (N, 2) or (N, 5) with 0 < N (d + 1) < 2^31, got ", features.shape());
  points_ = N, corners_ = D + 1;
  sort_by_vertex(D == 2 ? embed<2>(features, corner_, weight_, beside_)
                        : embed<5>(features, corner_, weight_, beside_));
}

void Lattice::sort_by_vertex(int64_t count) {
  row_.assign(size_t(count) + 1, 0);
  for (int32_t v : corner_) ++row_[size_t(v) + 1];
  for (size_t v = 1; v < row_.size(); ++v) row_[v] += row_[v - 1];
  std::vector<int64_t> next(row_.begin(), row_.end() - 1);
  share_.resize(corner_.size());
  for (int64_t i = 0, n = 0; i < points_; ++i)
    for (int64_t k = 0; k < corners_; ++k, ++n)
      share_[size_t(next[size_t(corner_[size_t(n)])]++)] = {int32_t(i), weight_[size_t(n)]};
}

template <int D> void Lattice::slice(const std::vector<float>& vertex, float* out) const {
  parallel_for(points_, 2 * (D + 1), [&](int64_t i) {
    const int32_t* corner = &corner_[size_t(i * (D + 1))];
    const float* weight = &weight_[size_t(i * (D + 1))];
    float sum = 0;
    for (int k = 0; k <= D; ++k) sum += weight[k] * vertex[size_t(corner[k])];
    out[i] = sum;
  });
}

Tensor Lattice::filter(const Tensor& values) const {
  check(values.shape() == Shape{points_}, "lattice: takes one value for each of ", points_, " points, got ",
        values.shape());
  const float* v = values.read<float>();
  const int64_t count = vertices();
  std::vector<float> now(size_t(count) + 1, 0.0f), next(now);  // the last one is zero: the absent neighbour
  parallel_for(count, 2 * int64_t(share_.size()) / count, [&](int64_t i) {
    double sum = 0;
    for (int64_t k = row_[size_t(i)]; k < row_[size_t(i) + 1]; ++k)
      sum += double(share_[size_t(k)].weight) * double(v[share_[size_t(k)].point]);
    now[size_t(i)] = float(sum);
  });
  for (int64_t axis = 0; axis < corners_; ++axis) {
    const int32_t* beside = &beside_[size_t(axis * count * 2)];
    parallel_for(count, 8, [&](int64_t i) {
      next[size_t(i)] = 0.5f * now[size_t(i)] + 0.25f * (now[size_t(beside[2 * i])] + now[size_t(beside[2 * i + 1])]);
    });
    now.swap(next);
  }
  Tensor out = empty({points_}, DType::f32);
  corners_ == 3 ? slice<2>(now, out.write<float>()) : slice<5>(now, out.write<float>());
  return out;
}

}  // namespace camo::program
