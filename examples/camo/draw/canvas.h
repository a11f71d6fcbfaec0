// A picture to draw on: pixels, lines, rectangles, text, other pictures.  Drawing outside it is clipped.
#pragma once

#include <string_view>

#include "tensor/tensor.h"

namespace camo::program {

struct Colour {
  uint8_t r = 0, g = 0, b = 0;
  bool operator==(const Colour&) const = default;
};

class Canvas {
 public:
  Canvas(int64_t height, int64_t width, Colour background = {255, 255, 255});

  const Tensor& pixels() const { return pixels_; }  // u8 (H, W, 3)
  int64_t height() const { return pixels_.dim(0); }
  int64_t width() const { return pixels_.dim(1); }

  /// Mixes a colour into one pixel; opacity in [0, 1].
  void dot(int64_t x, int64_t y, Colour colour, double opacity = 1);
  /// Fills columns [x, x + w), rows [y, y + h).
  void rectangle(int64_t x, int64_t y, int64_t w, int64_t h, Colour colour);
  /// A straight line with smooth edges and round ends; points are pixel centres.
  void line(double x0, double y0, double x1, double y1, Colour colour, double width = 1);
  /// Writes printable ASCII in letters of 5 x 7 dots, each `scale` pixels wide; (x, y) is the upper left corner.
  void write(int64_t x, int64_t y, std::string_view text, Colour colour = {}, int scale = 2);
  /// Copies u8 (h, w, 3) or (h, w, 1) with its upper left corner at (x, y).
  void place(int64_t x, int64_t y, const Tensor& image);

  static constexpr int64_t kLetterWidth = 6, kLetterHeight = 7;  // at scale 1, including the gap to the next letter
  static int64_t text_width(std::string_view text, int scale = 2) {
    return int64_t(text.size()) * kLetterWidth * scale;
  }

 private:
  Tensor pixels_;
};

}  // namespace camo::program
