// autograd/2_engine.md: the backward pass of y = a a + a at a = 3, frame by frame.
#include <array>

#include "examples/figures/figures.h"

namespace camo::figures {
namespace {

constexpr double kFrame = 130;  // height

struct Frame {
  std::string title;
  int runs;                          // 0: a, 1: mul, 2: add; -1: none yet
  std::array<std::string, 3> grads;  // of a, mul, add
  std::vector<std::string> sent;     // what goes from the node that runs
};

void frame(Svg& svg, double top, const Frame& f) {
  const double xs[] = {60, 230, 400}, y = top + 54, width = 96, height = 42;
  const char *const names[] = {"a", "mul", "add"}, *const ids[] = {"node 1, a leaf", "node 2", "node 3"};
  svg.words(8, top + 16, f.title, Anchor::start, "class=\"title\"");
  for (int i = 0; i < 3; ++i) {
    if (i == f.runs) svg.rectangle(xs[i], y, width, height, "class=\"track\"");
    box(svg, xs[i], y, width, height, names[i], ids[i],
        i == f.runs ? "class=\"frame0\"" : "class=\"axis\" fill=\"none\"");
    svg.words(xs[i] + width / 2, y + height + 16, f.grads[size_t(i)], Anchor::middle, "class=\"small\"");
  }
  const auto across = [&](int from, double dy, const std::string& words) {
    arrow(svg, xs[from] - 2, y + 21 + dy, xs[from - 1] + width + 2, y + 21 + dy, "class=\"curve series1\"");
    svg.words((xs[from] + xs[from - 1] + width) / 2, y + 17 + dy, words, Anchor::middle, "class=\"small\"");
  };
  if (f.runs == 2) {
    across(2, 0, f.sent[0]);
    // Around mul, from add to a.
    svg.line(448, y - 2, 448, y - 14, "class=\"curve series1\"");
    svg.line(448, y - 14, 108, y - 14, "class=\"curve series1\"");
    arrow(svg, 108, y - 14, 108, y - 2, "class=\"curve series1\"");
    svg.words(278, y - 18, f.sent[1], Anchor::middle, "class=\"small\"");
  }
  if (f.runs == 1) across(1, -8, f.sent[0]), across(1, 12, f.sent[1]);
}

}  // namespace

Svg frames() {
  const std::vector<Frame> all = {
      {"The seed: dy/dy = 1 lies in the newest node.", -1, {"grad: none", "grad: none", "grad: 1"}, {}},
      {"Node 3 runs: it hands 1 to each of its inputs.", 2, {"grad: 1", "grad: 1", "given on"}, {"1", "1"}},
      {"Node 2 runs: dy times the other factor, to a, twice.",
       1,
       {"grad: 1 + 3 + 3", "given on", ""},
       {"1 \u00b7 3", "1 \u00b7 3"}},
      {"Node 1 is a leaf: it keeps its sum.", 0, {"grad: 7 = 2 a + 1", "freed", "freed"}, {}}};
  Svg svg(520, kFrame * double(all.size()));
  for (size_t i = 0; i < all.size(); ++i) frame(svg, kFrame * double(i), all[i]);
  return svg;
}

}  // namespace camo::figures
