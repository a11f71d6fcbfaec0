// A Gaussian filter of numbers at points of a feature space, by the permutohedral lattice.
//
//   filter(v)_i  is about proportional to  sum over j of exp(-|f_i - f_j|^2 / 2) v_j
//
// Each point lies in a simplex of the lattice, whose d + 1 vertices take its value in proportion to its barycentric
// coordinates (splat).  Each vertex is averaged with its two neighbours along each of d + 1 axes, weights 1/4, 1/2, 1/4
// (blur); neighbours that no point touches count as zero.  A point then reads its own vertices (slice).  Only vertices
// that a point touches exist, so time and memory grow with points and vertices, not with the volume.
//
// The origin of the features is moved to a place without symmetry, kLatticeOrigin.  Otherwise points of a regular grid,
// or of black pixels, lie on faces of simplices, and rounding decides which vertices exist.
//
// It keeps about 100 bytes a point for d = 5, and takes 50 more while it is built.
//
// Source: Adams, Baek, Davis 2010, "Fast high-dimensional filtering using the permutohedral lattice".  Here the splat is
// a sum for each vertex over its points in order, so that the result has the same bits for any number of threads.
#pragma once

#include <array>
#include <vector>

#include "tensor/tensor.h"

namespace camo::program {

/// Added to the features.
constexpr std::array<double, 5> kLatticeOrigin = {0.41421356, 0.73205081, 0.23606798, 0.64575131, 0.31662479};

class Lattice {
 public:
  /// features: f32 (N, d), each divided by its standard deviation; d is 2 or 5, 0 < N (d + 1) < 2^31.  Throws ShapeError
  /// for other shapes, DataError for features that are not finite, ConfigError for features so large that the lattice
  /// has more than 2^62 places.
  explicit Lattice(const Tensor& features);

  /// Filters one value for each point, f32 (N) -> f32 (N).  Sums of a vertex are in f64.  Throws ShapeError.
  Tensor filter(const Tensor& values) const;

  int64_t vertices() const { return int64_t(row_.size()) - 1; }

 private:
  struct Share {
    int32_t point;
    float weight;
  };
  template <int D> void slice(const std::vector<float>& vertex, float* out) const;
  /// Fills row_, of `count` vertices, and share_ by a counting sort.
  void sort_by_vertex(int64_t count);

  int64_t points_, corners_;     // corners_: vertices of a simplex, d + 1
  std::vector<int32_t> corner_;  // (N, d + 1): the vertices of each point; they are numbered as the points meet them
  std::vector<float> weight_;    // (N, d + 1): its barycentric coordinates
  std::vector<int64_t> row_;     // (vertices + 1): where the points of each vertex begin in share_
  std::vector<Share> share_;     // (N * (d + 1)): the points of each vertex, in order
  std::vector<int32_t> beside_;  // (d + 1, vertices, 2): neighbours along each axis; `vertices` where there is none
};

}  // namespace camo::program
