#include "nn/loss.h"

#include <algorithm>
#include <cmath>

namespace camo::nn {
namespace {

void check_maps(const char* op, const Var& logits, const Tensor& target) {
  check(logits.rank() == 4 && logits.dim(3) == 1 && logits.shape() == target.shape(), op,
        ": logits and target are both (B, H, W, 1), got ", logits.shape(), " and ", target.shape());
}

Var per_image(const Var& x) { return sum(x, {1, 2, 3}); }

/// 1 - Tversky index per image: (B).  1 - (a + 1) / (a + b + 1) is computed as b / (a + b + 1), which
/// is never negative.
Var mismatch(const char* op, const Var& logits, const Tensor& target, double extra, double missed) {
  check_maps(op, logits, target);
  Var t(target), p = sigmoid(logits), hit = per_image(p * t);
  Var errors = extra * per_image(p * (1.0 - t)) + missed * per_image((1.0 - p) * t);
  return errors / (hit + errors + 1.0);
}

/// Extends the map by one pixel on each side, a copy of the outermost pixel.
Var extended(const Var& x) {
  auto along = [](const Var& y, int axis) {
    const int64_t n = y.dim(axis);
    return concat({slice(y, axis, 0, 1), y, slice(y, axis, n - 1, n)}, axis);
  };
  return along(along(x, 1), 2);
}

/// The Sobel gradient magnitude of (B, H, W, 1); the small constant keeps its derivative finite where the map is flat.
Var steepness(const Var& x) {
  Tensor sobel = from<double>({-1, 0, 1, -2, 0, 2, -1, 0, 1, -1, -2, -1, 0, 0, 0, 1, 2, 1}, {2, 3, 3, 1});
  Var slopes = conv2d(extended(x), Var(cast(sobel * 0.25, x.dtype()).to(x.device())), {}, {});
  return sqrt(sum(square(slopes), {3}, /*keep=*/true) + 1e-6);
}

/// Row i holds the Gaussian weights of the n pixels of a line for smoothed pixel i; each row sums to 1.
Tensor gaussian_rows(int64_t n, const Var& like) {
  Tensor rows = zeros({n, n}, DType::f64);
  for (int64_t i = 0; i < n; ++i) {
    double* row = rows.write<double>() + i * n;
    const int64_t first = std::max<int64_t>(i - 5, 0), last = std::min(i + 5, n - 1);
    double total = 0;
    for (int64_t j = first; j <= last; ++j) total += row[j] = std::exp(-double((j - i) * (j - i)) / (2 * 1.5 * 1.5));
    for (int64_t j = first; j <= last; ++j) row[j] /= total;
  }
  return cast(rows, like.dtype()).to(like.device());
}

}  // namespace

Var bce_loss(const Var& logits, const Tensor& target) {
  check_maps("bce_loss", logits, target);
  return mean(bce_with_logits(logits, target));
}

Var structure_loss(const Var& logits, const Tensor& target, int64_t window) {
  check_maps("structure_loss", logits, target);
  check(window % 2 == 1, "structure_loss: the window is odd, got ", window);
  Tensor around = avg_pool(target, {.kernel = window, .stride = 1, .padding = window / 2});
  Var w(scale(abs(around - target), 5, 1)), t(target), p = sigmoid(logits);
  Var entropy = per_image(w * bce_with_logits(logits, target)) / per_image(w);
  Var both = per_image(w * p * t), either = per_image(w * (p + t)) - both;
  return mean(entropy + 1.0 - (both + 1.0) / (either + 1.0));
}

Var tversky_loss(const Var& logits, const Tensor& target, double extra, double missed) {
  return mean(mismatch("tversky_loss", logits, target, extra, missed));
}

Var focal_tversky_loss(const Var& logits, const Tensor& target, double extra, double missed, double gamma) {
  check(gamma > 0, "focal_tversky_loss: gamma is positive, got ", gamma);
  Var m = mismatch("focal_tversky_loss", logits, target, extra, missed);
  Var power(full({}, 1 / gamma, m.dtype(), m.device()));
  return mean(pow(m + 1e-6, power));  // 1e-6, because the derivative of a root is infinite at 0
}

Var edge_loss(const Var& logits, const Tensor& target) {
  check_maps("edge_loss", logits, target);
  return mean(square(steepness(sigmoid(logits)) - steepness(Var(target))));
}

Tensor morphological_gradient(const Tensor& target, int64_t window) {
  check(window % 2 == 1, "morphological_gradient: the window is odd, got ", window);
  auto dilated = [&](const Tensor& x) { return max_pool(x, {.kernel = window, .stride = 1, .padding = window / 2}).y; };
  return dilated(target) + dilated(target * -1);  // erosion is the dilation of the complement
}

Var boundary_loss(const Var& logits, const Tensor& target, int64_t window) {
  check_maps("boundary_loss", logits, target);
  Var g(morphological_gradient(target, window)), e = bce_with_logits(logits, target);
  return mean((per_image(g * e) + mean(e, {1, 2, 3})) / (per_image(g) + 1.0));
}

Var ssim_loss(const Var& logits, const Tensor& target) {
  check_maps("ssim_loss", logits, target);
  const std::vector<int64_t> lines = {target.dim(0), target.dim(1), target.dim(2)};
  Var columns(gaussian_rows(target.dim(2), logits)), rows(gaussian_rows(target.dim(1), logits));
  auto smooth = [&](const Var& x) {  // the result is transposed, which does not change the mean
    return matmul(permute(matmul(x, columns, Trans::no, Trans::yes), {0, 2, 1}), rows, Trans::no, Trans::yes);
  };
  Var p = reshape(sigmoid(logits), lines), t(target.reshape(lines));
  Var mp = smooth(p), mt = smooth(t), mpt = mp * mt, mpp = square(mp), mtt = square(mt);
  Var covariance = smooth(p * t) - mpt, variances = smooth(square(p)) - mpp + (smooth(square(t)) - mtt);
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  Var ssim = (2 * mpt + c1) * (2 * covariance + c2) / ((mpp + mtt + c1) * (variances + c2));
  return 1.0 - mean(ssim);
}

Var side_loss(const Var& logits, const Tensor& target) {
  const int64_t H = logits.dim(1), W = logits.dim(2);
  const double shrink = double(H) / double(target.dim(1));
  const int64_t window = 2 * std::max<int64_t>(1, std::llround(15 * shrink)) + 1;
  return structure_loss(logits, adaptive_avg_pool(target, H, W), window);
}

Var uncertainty_loss(const Var& logits, const Var& u, const Tensor& target) {
  check_maps("uncertainty_loss", logits, target);
  check(u.shape() == target.shape(), "uncertainty_loss: u and target have one shape, got ", u.shape(), " and ",
        target.shape());
  constexpr double f = 0.05;
  Var raised = u + f;
  return mean((bce_with_logits(logits, target) + f) / raised + log(raised / f) - 1.0);
}

}  // namespace camo::nn
