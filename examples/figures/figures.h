// The figures of the chapters, drawn by this program so that they can be checked: examples/figures writes each to its place,
// and the test `figures` fails when a committed file differs.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/draw/svg.h"

namespace camo::figures {

using program::Anchor;
using program::Svg;

struct Figure {
  std::string path;   // from the root of the repository
  std::string label;  // what a reader who hears the page is told
  Svg (*draw)();
};

Svg views();    // tensor/1_memory.md
Svg frames();   // autograd/2_engine.md
Svg softmax();  // autograd/3_derivations.md
Svg tree();     // tensor/8_same_bits.md
Svg grid();     // cuda/10_gpu.md
Svg butterfly();
Svg loop();          // examples/12_training.md
Svg reading_path();  // README.md

// ---- pieces --------------------------------------------------------------------------------------------------

/// A box with one or two lines of words in its middle.
void box(Svg& svg, double x, double y, double width, double height, const std::string& words,
         const std::string& second = "", const std::string& attributes = "class=\"frame\"");
/// A line with a head at its end.
void arrow(Svg& svg, double x0, double y0, double x1, double y1, const std::string& attributes = "class=\"axis\"");

}  // namespace camo::figures
