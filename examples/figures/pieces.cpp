#include <cmath>

#include "examples/camo/draw/svg.h"
#include "examples/figures/figures.h"
#include "tensor/error.h"

namespace camo::figures {

void box(Svg& svg, double x, double y, double width, double height, const std::string& words, const std::string& second,
         const std::string& attributes) {
  svg.rectangle(x, y, width, height, attributes);
  const double middle = y + height / 2 + 4;
  svg.words(x + width / 2, second.empty() ? middle : middle - 8, words, Anchor::middle);
  if (!second.empty()) svg.words(x + width / 2, middle + 8, second, Anchor::middle, "class=\"soft small\"");
}

void arrow(Svg& svg, double x0, double y0, double x1, double y1, const std::string& attributes) {
  svg.line(x0, y0, x1, y1, attributes);
  const double length = std::hypot(x1 - x0, y1 - y0), dx = (x1 - x0) / length * 7, dy = (y1 - y0) / length * 7;
  for (double side : {-0.5, 0.5}) svg.line(x1, y1, x1 - dx - side * dy, y1 - dy + side * dx, attributes);
}

}  // namespace camo::figures
