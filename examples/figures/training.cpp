// examples/12_training.md: one step on one page.  README.md: in which order the chapters can be read.
#include "examples/figures/figures.h"
#include "tensor/error.h"

namespace camo::figures {

Svg loop() {
  Svg svg(540, 250);
  const char* outline = "class=\"axis\" fill=\"none\"";
  box(svg, 16, 24, 132, 40, "photographs, masks", "f(seed, epoch, place)", outline);
  box(svg, 196, 24, 132, 40, "forward", "keys: seed, micro-step", outline);
  box(svg, 376, 24, 148, 40, "loss", "a sum of terms", outline);
  box(svg, 376, 104, 148, 40, "backward", "gradients add up", outline);
  box(svg, 196, 104, 132, 40, "all finite?", "one sum of squares", outline);
  box(svg, 16, 104, 132, 40, "AdamW", "rate: f(step)", outline);
  box(svg, 16, 186, 132, 40, "commit, EMA", "staged state is taken", outline);
  box(svg, 196, 186, 132, 40, "discard", "no bit has changed", outline);
  arrow(svg, 148, 44, 194, 44), arrow(svg, 328, 44, 374, 44), arrow(svg, 450, 64, 450, 102);
  arrow(svg, 376, 124, 330, 124), arrow(svg, 196, 124, 150, 124), arrow(svg, 82, 144, 82, 184),
      arrow(svg, 262, 144, 262, 184);
  svg.words(172, 116, "yes", Anchor::middle, "class=\"soft small\"");
  svg.words(270, 168, "no", Anchor::start, "class=\"soft small\"");
  svg.words(376, 204, "position: epoch, batch, step,", Anchor::start, "class=\"soft small\"");
  svg.words(376, 220, "micro-step; all else follows", Anchor::start, "class=\"soft small\"");
  return svg;
}

Svg reading_path() {
  Svg svg(540, 374);
  struct Stop {
    const char *number, *name;
    double x, y;
  };
  const Stop stops[] = {{"1", "memory", 16, 24},
                        {"2", "the engine", 16, 94},
                        {"3", "derivations", 16, 164},
                        {"4", "layers, steps", 16, 234},
                        {"5", "products", 204, 24},
                        {"6", "convolution", 204, 94},
                        {"7", "attention", 204, 164},
                        {"9", "the mixture", 204, 234},
                        {"8", "the same bits", 392, 24},
                        {"10", "kernels for a GPU", 392, 94},
                        {"11", "checks that can fail", 16, 304},
                        {"12", "training", 392, 234}};
  for (const Stop& s : stops)
    box(svg, s.x, s.y, 132, 44, text(s.number, "  ", s.name), "", "class=\"axis\" fill=\"none\"");
  const auto from = [&](int a, int b) {
    const Stop &p = stops[a], &q = stops[b];
    if (p.x == q.x) arrow(svg, p.x + 66, p.y + 44, q.x + 66, q.y - 2);
    else arrow(svg, p.x + 132, p.y + 22, q.x - 2, q.y + 22);
  };
  for (const auto& [a, b] :
       {std::pair{0, 1}, {1, 2}, {2, 3}, {0, 4}, {4, 5}, {2, 6}, {3, 7}, {4, 8}, {8, 9}, {7, 11}, {3, 10}})
    from(a, b);
  svg.words(204, 331, "an arrow: read first", Anchor::start, "class=\"soft small\"");
  return svg;
}

}  // namespace camo::figures
