// cuda/10_gpu.md: who computes, and how 8 lanes add their numbers.
#include <utility>

#include "examples/figures/figures.h"
#include "tensor/error.h"

namespace camo::figures {

Svg grid() {
  Svg svg(540, 190);
  const char* outline = "class=\"axis\" fill=\"none\"";
  svg.words(16, 24, "grid", Anchor::start, "class=\"title\"");
  for (int b = 0; b < 3; ++b) box(svg, 16 + b * 56, 34, 48, 30, text("block ", b), "", outline);
  svg.words(186, 53, "…");
  svg.words(224, 24, "block: shared memory, barriers", Anchor::start, "class=\"title\"");
  for (int w = 0; w < 4; ++w) box(svg, 224 + w * 76, 34, 68, 30, text("warp ", w), "", outline);
  arrow(svg, 206, 49, 222, 49), arrow(svg, 258, 64, 258, 92);
  svg.words(16, 108, "warp: one instruction for 32 lanes, shuffles", Anchor::start, "class=\"title\"");
  for (int l = 0; l < 32; ++l)
    svg.rectangle(16 + l * 15.5, 118, 13, 22,
                  l / 8 % 2 ? "class=\"expert1\" opacity=\"0.35\"" : "class=\"expert0\" opacity=\"0.35\"");
  for (int s = 0; s < 4; ++s)
    svg.words(16 + s * 124 + 61, 158, text("lanes ", 8 * s, " to ", 8 * s + 7), Anchor::middle, "class=\"soft small\"");
  svg.words(16, 176, "eight floats side by side are one sector of memory", Anchor::start, "class=\"soft small\"");
  return svg;
}

Svg butterfly() {
  constexpr int kLanes = 8;
  Svg svg(540, 232);
  double x[kLanes] = {1, 2, 4, 8, 16, 32, 64, 128};
  const auto at = [](int lane) { return 116 + lane * 52.0; };
  for (int step = 4, row = 0;; step /= 2, ++row) {
    const double y = 34 + row * 62.0;
    for (int l = 0; l < kLanes; ++l) svg.words(at(l), y, text(x[l]), Anchor::middle);
    if (row == 0) svg.words(16, y, "x");
    if (!step) break;
    svg.words(16, y + 34, text("distance ", step), Anchor::start, "class=\"soft small\"");
    double sum[kLanes];
    for (int l = 0; l < kLanes; ++l) {
      sum[l] = x[l] + x[l ^ step];
      svg.line(at(l), y + 8, at(l), y + 44, "class=\"axis\"");
      arrow(svg, at(l), y + 8, at(l ^ step), y + 44);
    }
    std::swap(x, sum);
  }
  return svg;
}

}  // namespace camo::figures
