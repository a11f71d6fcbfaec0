// tensor/1_memory.md: a storage and three tensors.
#include "examples/figures/figures.h"
#include "tensor/error.h"

namespace camo::figures {
namespace {

constexpr double kCell = 44, kLeft = 190, kTop = 24;
const char* const kCellStyle = "class=\"axis\" fill=\"none\"";

/// A tensor's line: what it says of itself, and the cells that it means.
void tensor(Svg& svg, double y, const std::string& name, const std::string& words, int offset, int rows, int columns) {
  svg.words(8, y + 12, name, Anchor::start, "class=\"title\"");
  svg.words(8, y + 28, words, Anchor::start, "class=\"soft small\"");
  for (int i = 0; i < rows; ++i) {
    const double x0 = kLeft + (offset + i * columns) * kCell + 3, x1 = x0 + columns * kCell - 6;
    svg.line(x0, y + 14, x1, y + 14, "class=\"curve series0\"");
    for (double x : {x0, x1}) svg.line(x, y + 10, x, y + 18, "class=\"curve series0\"");
    svg.words((x0 + x1) / 2, y + 32, text("row ", i), Anchor::middle, "class=\"soft small\"");
  }
}

}  // namespace

Svg views() {
  Svg svg(kLeft + 6 * kCell + 16, 236);
  svg.words(8, kTop + 18, "storage", Anchor::start, "class=\"title\"");
  svg.words(8, kTop + 34, "24 bytes, 2 writes", Anchor::start, "class=\"soft small\"");
  const char* const numbers[] = {"1", "2", "3", "40", "5", "6"};
  for (int i = 0; i < 6; ++i) {
    if (i == 3) svg.rectangle(kLeft + i * kCell, kTop, kCell, kCell, "class=\"track\"");
    box(svg, kLeft + i * kCell, kTop, kCell, kCell, numbers[i], "", kCellStyle);
    svg.words(kLeft + (i + 0.5) * kCell, kTop - 6, std::to_string(i), Anchor::middle, "class=\"soft small\"");
  }
  tensor(svg, 88, "a", "offset 0, shape (2, 3)", 0, 2, 3);
  tensor(svg, 136, "row = a.slice(1, 2)", "offset 3, shape (1, 3)", 3, 1, 3);
  tensor(svg, 184, "tall = a.reshape({3, 2})", "offset 0, shape (3, 2)", 0, 3, 2);
  return svg;
}

}  // namespace camo::figures
