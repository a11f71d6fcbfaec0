// The one-dimensional transforms of F(4 x 4, 3 x 3) over vectors of channels.  Internal to winograd.cpp.
//
// The points are 0, a, -a, b, -b and infinity.  Any distinct numbers are right; they decide the rounding (Barabasz,
// Anderson, Soodhalter, Gregg 2020, arXiv:1803.10986).  With a = 3/4, b = 3/2 the largest error is a third of that with
// the usual 1 and 2; their powers are exact.  Points in pairs +-a share their even and odd halves.
#pragma once

#include "tensor/cpu/vec.h"

namespace camo::kernel::f4x3 {

using Floats = Vec<float>;

constexpr float a = 0.75f, a2 = a * a, b = 1.5f, b2 = b * b;
constexpr float at_zero = 1 / (a2 * b2), at_a = 1 / (2 * a2 * (a2 - b2)), at_b = 1 / (2 * b2 * (b2 - a2));  // in G

/// B^T d.  Row r holds the coefficients of the product of (x - q) over all points q but the r-th.
struct Inputs {
  static constexpr int kFrom = 6, kTo = 6;
  static void f(const Floats (&d)[6], Floats (&p)[6]) {
    const Floats even_a = d[4] - Floats(b2) * d[2], odd_a = Floats(a) * (d[3] - Floats(b2) * d[1]);
    const Floats even_b = d[4] - Floats(a2) * d[2], odd_b = Floats(b) * (d[3] - Floats(a2) * d[1]);
    p[0] = Floats(a2 * b2) * d[0] + (d[4] - Floats(a2 + b2) * d[2]);
    p[1] = even_a + odd_a;
    p[2] = even_a - odd_a;
    p[3] = even_b + odd_b;
    p[4] = even_b - odd_b;
    p[5] = Floats(a2 * b2) * d[1] + (d[5] - Floats(a2 + b2) * d[3]);
  }
};

/// G g: the values of g0 + g1 x + g2 x^2, over the product of (x - q) over the other finite points.
struct Weights {
  static constexpr int kFrom = 3, kTo = 6;
  static void f(const Floats (&g)[3], Floats (&p)[6]) {
    const Floats even_a = Floats(at_a) * g[0] + Floats(at_a * a2) * g[2], odd_a = Floats(at_a * a) * g[1];
    const Floats even_b = Floats(at_b) * g[0] + Floats(at_b * b2) * g[2], odd_b = Floats(at_b * b) * g[1];
    p[0] = Floats(at_zero) * g[0];
    p[1] = even_a + odd_a;
    p[2] = even_a - odd_a;
    p[3] = even_b + odd_b;
    p[4] = even_b - odd_b;
    p[5] = g[2];
  }
};

/// A^T p: y_i = sum of q^i p over the finite points q; infinity adds to the last.
struct Outputs {
  static constexpr int kFrom = 6, kTo = 4;
  static void f(const Floats (&p)[6], Floats (&y)[4]) {
    const Floats sum_a = p[1] + p[2], gap_a = p[1] - p[2], sum_b = p[3] + p[4], gap_b = p[3] - p[4];
    y[0] = p[0] + (sum_a + sum_b);
    y[1] = Floats(a) * gap_a + Floats(b) * gap_b;
    y[2] = Floats(a2) * sum_a + Floats(b2) * sum_b;
    y[3] = Floats(a2 * a) * gap_a + (Floats(b2 * b) * gap_b + p[5]);
  }
};

/// A y, the adjoint of Outputs.
struct OutputGrads {
  static constexpr int kFrom = 4, kTo = 6;
  static void f(const Floats (&y)[4], Floats (&p)[6]) {
    const Floats even_a = y[0] + Floats(a2) * y[2], odd_a = Floats(a) * y[1] + Floats(a2 * a) * y[3];
    const Floats even_b = y[0] + Floats(b2) * y[2], odd_b = Floats(b) * y[1] + Floats(b2 * b) * y[3];
    p[0] = y[0];
    p[1] = even_a + odd_a;
    p[2] = even_a - odd_a;
    p[3] = even_b + odd_b;
    p[4] = even_b - odd_b;
    p[5] = y[3];
  }
};

/// G^T p, the adjoint of Weights.
struct WeightGrads {
  static constexpr int kFrom = 6, kTo = 3;
  static void f(const Floats (&p)[6], Floats (&g)[3]) {
    const Floats sum_a = p[1] + p[2], gap_a = p[1] - p[2], sum_b = p[3] + p[4], gap_b = p[3] - p[4];
    g[0] = Floats(at_zero) * p[0] + (Floats(at_a) * sum_a + Floats(at_b) * sum_b);
    g[1] = Floats(at_a * a) * gap_a + Floats(at_b * b) * gap_b;
    g[2] = Floats(at_a * a2) * sum_a + (Floats(at_b * b2) * sum_b + p[5]);
  }
};

/// Applies a transform along both axes: the square of kFrom x kFrom vectors that get(i, j) returns becomes one of kTo x kTo,
/// each given to put(i, j, v).
template <class Transform, class Get, class Put> inline void in_plane(const Get& get, const Put& put) {
  constexpr int kFrom = Transform::kFrom, kTo = Transform::kTo;
  Floats half[kTo][kFrom];
  for (int j = 0; j < kFrom; ++j) {
    Floats column[kFrom], out[kTo];
    for (int i = 0; i < kFrom; ++i) column[i] = get(i, j);
    Transform::f(column, out);
    for (int i = 0; i < kTo; ++i) half[i][j] = out[i];
  }
  for (int i = 0; i < kTo; ++i) {
    Floats out[kTo];
    Transform::f(half[i], out);
    for (int j = 0; j < kTo; ++j) put(i, j, out[j]);
  }
}

}  // namespace camo::kernel::f4x3
