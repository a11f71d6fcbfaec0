// tensor/8_same_bits.md: pieces of a sum, who computes them, and the tree that adds them.
#include "examples/figures/figures.h"
#include "tensor/error.h"

namespace camo::figures {

Svg tree() {
  Svg svg(520, 208);
  const double width = 104, left = 16;
  for (int i = 0; i < 4; ++i) {
    const double x = left + i * 124;
    svg.rectangle(x, 148, width, 28,
                  i % 3 ? "class=\"expert1\" opacity=\"0.35\"" : "class=\"expert0\" opacity=\"0.35\"");
    box(svg, x, 148, width, 28, text("piece ", i), "", "class=\"axis\" fill=\"none\"");
    svg.words(x + width / 2, 194, i % 3 ? "thread 1" : "thread 0", Anchor::middle, "class=\"soft small\"");
  }
  for (int i = 0; i < 2; ++i) {
    const double x = left + 62 + i * 248;
    box(svg, x, 84, width, 28, text("p", 2 * i, " + p", 2 * i + 1), "", "class=\"axis\" fill=\"none\"");
    for (int k = 0; k < 2; ++k) arrow(svg, left + (2 * i + k) * 124 + width / 2, 146, x + width / 2, 114);
    arrow(svg, x + width / 2, 82, left + 186 + width / 2, 50);
  }
  box(svg, left + 186, 20, width, 28, "the sum", "", "class=\"axis\" fill=\"none\"");
  return svg;
}

}  // namespace camo::figures
