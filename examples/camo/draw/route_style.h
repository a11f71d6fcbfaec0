// Styles for the pictures of the routing: colours of experts, the colour scale, captions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "examples/camo/draw/canvas.h"

namespace camo::program {

constexpr Colour kInk{40, 40, 44}, kPale{232, 232, 236}, kFrame{120, 120, 126};
constexpr int64_t kLetter = Canvas::kLetterHeight * 2, kGap = 12;

/// Colours far apart in hue and close in lightness; the second eight are paler versions of the first.
inline Colour expert_colour(size_t i) {
  constexpr Colour kBase[] = {{38, 112, 180}, {226, 120, 32}, {52, 150, 84},   {196, 62, 72},
                              {132, 92, 184}, {140, 100, 70}, {218, 124, 180}, {96, 164, 180}};
  Colour c = kBase[i % std::size(kBase)];
  auto paler = [&](uint8_t v) { return uint8_t(i < std::size(kBase) ? v : (v + 255) / 2); };
  return {paler(c.r), paler(c.g), paler(c.b)};
}

/// The colour of v in [0, 1], from dark violet over teal to yellow; brighter means more, also in grey.  NaN is pink.
inline Colour heat(double v) {
  if (std::isnan(v)) return {255, 0, 160};
  constexpr double kStops[][3] = {{40, 10, 72}, {52, 72, 140}, {30, 140, 140}, {110, 200, 90}, {252, 232, 60}};
  const double at = std::clamp(v, 0.0, 1.0) * 4;
  const int i = std::min(int(at), 3);
  auto mixed = [&](int c) { return uint8_t(std::lround(kStops[i][c] + (kStops[i + 1][c] - kStops[i][c]) * (at - i))); };
  return {mixed(0), mixed(1), mixed(2)};
}

inline std::string shown(double v, const char* form) {
  char out[32];
  std::snprintf(out, sizeof out, form, v);
  return out;
}
inline std::string percent(double share) { return shown(100 * share, "%.0f%%"); }

inline void centred(Canvas& canvas, int64_t x, int64_t y, const std::string& words, Colour colour = kInk) {
  canvas.write(x - Canvas::text_width(words) / 2 + 1, y, words, colour);
}

/// A vertical bar of the colour scale, with the least value at the bottom.
inline void colour_scale(Canvas& canvas, int64_t x, int64_t y, int64_t height, const std::string& least,
                         const std::string& most) {
  for (int64_t i = 0; i < height; ++i)
    canvas.rectangle(x, y + i, 14, 1, heat(1 - double(i) / double(std::max<int64_t>(height - 1, 1))));
  canvas.write(x + 20, y, most, kInk);
  canvas.write(x + 20, y + height - kLetter, least, kInk);
}

inline size_t longest(const std::vector<std::string>& names) {
  size_t n = 0;
  for (const std::string& name : names) n = std::max(n, name.size());
  return n;
}

}  // namespace camo::program
