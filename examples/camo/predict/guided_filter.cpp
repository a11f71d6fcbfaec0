#include "examples/camo/predict/guided_filter.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "examples/camo/predict/photograph_and_map.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

/// Numbers of several kinds at each pixel, (H, W, C) in f64.
template <int C> struct Planes {
  Planes(int64_t height, int64_t width) : height(height), width(width), data(size_t(height * width * C)) {}
  double* at(int64_t y, int64_t x) { return &data[size_t((y * width + x) * C)]; }
  int64_t height, width;
  std::vector<double> data;
};

/// The positions within `radius` of x that exist in [0, n).
int64_t window_width(int64_t x, int64_t n, int64_t radius) {
  return std::min(x + radius, n - 1) - std::max<int64_t>(x - radius, 0) + 1;
}

/// Running sums over a line of n places, `step` numbers apart, of `count` numbers each: out = the sum within `radius`.
void line_sums(const double* in, double* out, int64_t n, int64_t step, int64_t count, int64_t radius) {
  std::vector<double> sum(size_t(count), 0.0);
  auto add = [&](int64_t x, double sign) {
    for (int64_t c = 0; c < count; ++c) sum[size_t(c)] += sign * in[x * step + c];
  };
  for (int64_t x = 0; x < std::min(radius, n); ++x) add(x, 1);
  for (int64_t x = 0; x < n; ++x) {
    if (x + radius < n) add(x + radius, 1);
    if (x > radius) add(x - radius - 1, -1);
    std::copy(sum.begin(), sum.end(), out + x * step);
  }
}

/// Replaces every number by the sum of its window.  Rows, then columns; sums of integers are exact.
template <int C> void box_sums(Planes<C>& planes, int64_t radius) {
  constexpr int64_t kColumns = 16;  // that are summed together
  const int64_t H = planes.height, row = planes.width * C;
  std::vector<double> rows(planes.data.size());
  parallel_for(H, 3 * row, [&](int64_t y) {
    line_sums(planes.data.data() + y * row, rows.data() + y * row, planes.width, C, C, radius);
  });
  parallel_chunks(row, kColumns * C, [&](int64_t begin, int64_t end) {
    line_sums(rows.data() + begin, planes.data.data() + begin, H, row, end - begin, radius);
  });
}

/// Solves A x = b for a symmetric positive definite A, of which the lower half is read; b becomes x.  Cholesky.
void solve_in_place(double (&A)[3][3], double (&b)[3]) {
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j <= i; ++j) {
      for (int k = 0; k < j; ++k) A[i][j] -= A[i][k] * A[j][k];
      A[i][j] = i == j ? std::sqrt(A[i][i]) : A[i][j] / A[j][j];
    }
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < i; ++k) b[i] -= A[i][k] * b[k];
    b[i] /= A[i][i];
  }
  for (int i = 2; i >= 0; --i) {
    for (int k = i + 1; k < 3; ++k) b[i] -= A[k][i] * b[k];
    b[i] /= A[i][i];
  }
}

/// From the sums of a window of n pixels, (r, g, b, p, rr, rg, rb, gg, gb, bb, rp, gp, bp), to (a, b).
void fit(const double* s, double n, double epsilon, double* line) {
  const double *second = s + 4, *with_map = s + 10;
  double A[3][3], a[3];
  for (int i = 0; i < 3; ++i) {
    for (int j = i; j < 3; ++j) A[j][i] = (n * *second++ - s[i] * s[j]) / (n * n);
    A[i][i] += epsilon;
    a[i] = (n * with_map[i] - s[i] * s[3]) / (n * n);
  }
  solve_in_place(A, a);
  line[3] = s[3] / n;
  for (int i = 0; i < 3; ++i) line[i] = a[i], line[3] -= a[i] * s[i] / n;
}

}  // namespace

Tensor guided_filter(const Tensor& photograph, const Tensor& map, const GuidedFilterSettings& settings) {
  check_photograph("guided_filter", photograph);
  const int64_t H = photograph.dim(0), W = photograph.dim(1);
  check_map("guided_filter", map, H, W);
  check<ConfigError>(settings.radius >= 1, "guided_filter: radius must be 1 or more, got ", settings.radius);
  check<ConfigError>(settings.epsilon > 0 && std::isfinite(settings.epsilon),
                     "guided_filter: epsilon must be above 0, got ", settings.epsilon);
  const int64_t radius = std::min(settings.radius, std::max(H, W));
  const uint8_t* rgb = photograph.read<uint8_t>();
  const float* p = map.read<float>();
  auto pixels_in_window = [=](int64_t y, int64_t x) {
    return double(window_width(y, H, radius) * window_width(x, W, radius));
  };

  Planes<13> moments(H, W);
  parallel_for(H, 16 * W, [&](int64_t y) {
    for (int64_t x = 0; x < W; ++x) {
      const int64_t i = y * W + x;
      double* m = moments.at(y, x);
      const double v[4] = {double(rgb[3 * i]), double(rgb[3 * i + 1]), double(rgb[3 * i + 2]), double(p[i])};
      std::copy(v, v + 4, m);
      m += 4;
      for (int c = 0; c < 3; ++c)
        for (int k = c; k < 3; ++k) *m++ = v[c] * v[k];
      for (int c = 0; c < 3; ++c) *m++ = v[c] * v[3];
    }
  });
  box_sums(moments, radius);

  Planes<4> lines(H, W);
  const double epsilon = settings.epsilon * 255 * 255;
  parallel_for(H, 64 * W, [&](int64_t y) {
    for (int64_t x = 0; x < W; ++x) fit(moments.at(y, x), pixels_in_window(y, x), epsilon, lines.at(y, x));
  });
  box_sums(lines, radius);

  Tensor out = empty(map.shape(), DType::f32);
  parallel_for(H, 8 * W, [&, q = out.write<float>()](int64_t y) {
    for (int64_t x = 0; x < W; ++x) {
      const double* s = lines.at(y, x);
      double sum = s[3];
      for (int c = 0; c < 3; ++c) sum += s[c] * rgb[(y * W + x) * 3 + c];
      q[y * W + x] = float(std::clamp(sum / pixels_in_window(y, x), 0.0, 1.0));
    }
  });
  return out;
}

}  // namespace camo::program
