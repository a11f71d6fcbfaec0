// The dispatch check: sorting rows by expert, running each expert once and gathering the results must equal
// a loop over rows.
#include <algorithm>

#include "moe/verify/checks.h"
#include "nn/checking/in_double.h"

namespace camo::moe::checks {
namespace {

constexpr double kExact = 1e-9;  // of an f64 result

/// Cuts the map into windows by slicing, row by row; windows beyond the edge are padded with zeros.
Vars cut(const Moe& layer, const Var& x) {
  Vars out;
  const int64_t B = x.dim(0);
  if (layer.routing == Routing::image) {
    for (int64_t b = 0; b < B; ++b) out.push_back(rows_slice(x, b, b + 1));
    return out;
  }
  const int64_t t = layer.side(x.shape());
  for (int64_t b = 0; b < B; ++b)
    for (int64_t i = 0; i < x.dim(1); i += t)
      for (int64_t j = 0; j < x.dim(2); j += t) {
        const int64_t h = std::min(t, x.dim(1) - i), w = std::min(t, x.dim(2) - j);
        Var part = slice(slice(rows_slice(x, b, b + 1), 1, i, i + h), 2, j, j + w);
        out.push_back(h * w == t * t ? part : pad(part, {{0, 0}, {0, t - h}, {0, t - w}, {0, 0}}));
      }
  return out;
}

/// The inverse of cut.
Var paste(const Moe& layer, const Vars& rows, const Shape& map) {
  if (layer.routing == Routing::image) return concat(rows, 0);
  const int64_t H = map[1], W = map[2], t = layer.side(map), h = (H + t - 1) / t, w = (W + t - 1) / t;
  Vars images;
  for (int64_t b = 0; b < map[0]; ++b) {
    Vars bands;
    for (int64_t i = 0; i < h; ++i) {
      const auto first = rows.begin() + (b * h + i) * w;
      bands.push_back(concat(Vars(first, first + w), 2));
    }
    images.push_back(slice(slice(concat(bands, 1), 1, 0, H), 2, 0, W));
  }
  return concat(images, 0);
}

/// x + sum_k weight[r, k] expert[r, k](row r), one row after another.
Var one_by_one(Moe& layer, const Var& x) {
  const Vars rows = cut(layer, x);
  const Route route = layer.choose(concat(rows, 0));
  const std::vector<int64_t> expert = to_vector<int64_t>(route.expert);
  Vars results;
  for (int64_t r = 0, i = 0; r < int64_t(rows.size()); ++r) {
    Var sum;
    for (int64_t k = 0; k < layer.router.chosen; ++k, ++i) {
      Var weight =
          reshape(slice(rows_slice(route.weight, r, r + 1), 1, k, k + 1), std::vector<int64_t>(size_t(x.rank()), 1));
      Var one = layer.experts->one(expert[i], rows[r]) * weight;
      sum = sum.defined() ? sum + one : one;
    }
    results.push_back(sum);
  }
  return x + paste(layer, results, x.shape());
}

struct Result {
  Tensor y, dx;
  std::vector<Tensor> gradients;
};

Result run(Moe& layer, const Tensor& x, const std::function<Var(const Var&)>& f) {
  nn::zero_grad(layer);
  Var input = Var::leaf(x), y = f(input);
  backward(y, randn(y.shape(), 5, DType::f64).to(x.device()));
  Result out{y.value(), input.grad(), {}};
  for (const nn::Parameter& p : layer.named_parameters()) out.gradients.push_back(p.var.grad());
  return out;
}

}  // namespace

Check dispatch_check(Moe& layer, const Tensor& x32) {
  nn::InDouble in_double(layer);
  const Tensor x = cast(x32, DType::f64);
  const Result fast = run(layer, x, [&](const Var& in) { return layer.forward(in).y; });
  const Result plain = run(layer, x, [&](const Var& in) { return one_by_one(layer, in); });
  double worst = relative_error(fast.y, plain.y), largest = norm(plain.dx);
  for (const Tensor& g : plain.gradients)
    if (g.defined()) largest = std::max(largest, norm(g));
  std::string where = "the output";
  auto compare = [&](const Tensor& a, const Tensor& b, const std::string& name) {
    // Some gradients are zero up to rounding: softmax does not depend on the bias of its keys.
    if (const double error = relative_error(a, b, 1e-6 * largest); error > worst)
      worst = error, where = "the gradient of " + name;
  };
  compare(fast.dx, plain.dx, "x");
  std::vector<nn::Parameter> parameters = layer.named_parameters();
  for (size_t i = 0; i < parameters.size(); ++i) compare(fast.gradients[i], plain.gradients[i], parameters[i].name);
  return within("dispatch", layer.path(), worst, kExact,
                worst <= kExact ? "output and gradients of x, experts and gate equal a loop over rows"
                                : where + " is not that of a loop over rows");
}

}  // namespace camo::moe::checks
