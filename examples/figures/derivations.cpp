// autograd/3_derivations.md: the Jacobian of a softmax of three numbers, and what is computed instead of it.
#include <cmath>

#include "examples/figures/figures.h"
#include "tensor/error.h"

namespace camo::figures {
namespace {

constexpr double kSide = 52, kGap = 70;

/// A column or a square of numbers, all over `below`; cells are darker where the number is larger.
void numbers(Svg& svg, double x, double y, const std::string& title, const std::vector<std::vector<int>>& rows) {
  svg.words(x, y - 10, title, Anchor::start, "class=\"title\"");
  double most = 0;
  for (const auto& row : rows)
    for (int v : row) most = std::fmax(most, std::abs(v));
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = 0; j < rows[i].size(); ++j) {
      const double left = x + double(j) * kSide, top = y + double(i) * kSide;
      const int v = rows[i][j];
      if (v)
        svg.rectangle(left, top, kSide, kSide,
                      text("class=\"", v > 0 ? "expert0" : "expert1", "\" opacity=\"",
                           program::value_text(0.45 * std::abs(v) / most), "\""));
      box(svg, left, top, kSide, kSide, std::to_string(v), "", "class=\"axis\" fill=\"none\"");
    }
}

}  // namespace

Svg softmax() {
  const int y[] = {1, 2, 5};  // eighths
  std::vector<std::vector<int>> jacobian(3, std::vector<int>(3)), probability, seed = {{8}, {0}, {0}},
                                                                               result(3, std::vector<int>(1));
  for (size_t i = 0; i < 3; ++i) {
    probability.push_back({y[i]});
    for (size_t j = 0; j < 3; ++j) jacobian[i][j] = (i == j ? 8 * y[i] : 0) - y[i] * y[j];
  }
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j) result[i][0] += jacobian[j][i] * seed[j][0] / 8;
  Svg svg(3 * (kSide + kGap) + 4 * kSide + 32, 3 * kSide + 64);
  double x = 8;
  numbers(svg, x, 34, "y, in 1/8", probability), x += kSide + kGap;
  numbers(svg, x, 34, "J = diag(y) \u2212 y y\u1d40, in 1/64", jacobian), x += 3 * kSide + kGap;
  numbers(svg, x, 34, "dL/dy", seed), x += kSide + kGap;
  numbers(svg, x, 34, "dL/dx, in 1/8", result);
  svg.words(8, svg.height() - 8,
            "Each column of J adds up to 0, so dL/dx does. Nine numbers are drawn; one, s = 1, is computed.",
            Anchor::start, "class=\"soft small\"");
  return svg;
}

}  // namespace camo::figures
