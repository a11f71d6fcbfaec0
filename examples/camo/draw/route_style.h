// Styles for the pictures of the routing: the colour scale, captions.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "examples/camo/draw/svg.h"
#include "examples/camo/options/format.h"

namespace camo::program {

using Colour = std::array<uint8_t, 3>;

/// The colour of an expert's choices in a picture, as expertN of svg_style() has it.
inline Colour expert_colour(size_t i) {
  Colour c = kExpertColours[i % kExpertColours.size()];
  if (i >= kExpertColours.size())
    for (uint8_t& v : c) v = uint8_t((v + 255) / 2);
  return c;
}
inline std::string expert_class(const char* kind, size_t i) { return text("class=\"", kind, i % 16, "\""); }

/// The colour of v in [0, 1], from dark violet over teal to yellow; brighter means more, also in grey.  NaN is pink.
inline Colour heat(double v) {
  if (std::isnan(v)) return {255, 0, 160};
  constexpr double kStops[][3] = {{40, 10, 72}, {52, 72, 140}, {30, 140, 140}, {110, 200, 90}, {252, 232, 60}};
  const double at = std::clamp(v, 0.0, 1.0) * 4;
  const int i = std::min(int(at), 3);
  auto mixed = [&](int c) { return uint8_t(std::lround(kStops[i][c] + (kStops[i + 1][c] - kStops[i][c]) * (at - i))); };
  return {mixed(0), mixed(1), mixed(2)};
}
inline std::string fill(Colour c) { return text("fill=\"rgb(", int(c[0]), ",", int(c[1]), ",", int(c[2]), ")\""); }

inline std::string percent(double share) { return formatted("%.0f%%", 100 * share); }

/// The title of a scale: "H/4".
inline std::string scale_title(size_t scale) { return text("H/", 4 << std::min<size_t>(scale, 20)); }

}  // namespace camo::program
