// Pictures as SVG, that is as text: sharp at every size, searchable, and readable by every browser.  The same picture is the
// same bytes everywhere: numbers are written without the locale.  Colours are classes of one style sheet, so that a
// picture in a page follows the page, and a file of its own is dark where the reader's screen is.
// Read next: plot.h.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace camo::program {

/// Words as text of SVG and HTML: & < > " and ' are escaped; control characters, and bytes that are no UTF-8, become U+FFFD.
std::string escaped(std::string_view words);
/// At most `most` letters of UTF-8; the last one is an ellipsis if there were more.
std::string shortened(const std::string& words, size_t most);

/// A coordinate: one decimal at most; 0 if it is not finite.
std::string coordinate(double v);
/// A value for people: five digits, and all of a whole number.
std::string value_text(double v);

/// The width of words of a size in pixels, guessed: the reader's font is not known.
double guessed_width(std::string_view words, double size = 12);

/// u8 (H, W, 3) or (H, W, 1) as an address that holds the picture: a photograph as JPEG, anything exact as PNG.
std::string photograph_uri(const Tensor& image);
std::string map_uri(const Tensor& image);
/// A picture as PNG in base64 (RFC 4648, section 4).
std::string png_base64(const Tensor& image);
/// The address of any bytes.
std::string data_uri(const std::string& type, std::string_view bytes);

/// The colours of the first eight experts, as R, G, B; the next eight have them paler.
constexpr std::array<std::array<uint8_t, 3>, 8> kExpertColours = {{{38, 112, 180},
                                                                   {226, 120, 32},
                                                                   {52, 150, 92},
                                                                   {196, 62, 72},
                                                                   {132, 92, 184},
                                                                   {140, 100, 70},
                                                                   {218, 124, 180},
                                                                   {96, 164, 180}}};

/// The style sheet of all pictures: text, lines, and the colours series0 to series5 and expert0 to expert15.
const std::string& svg_style();

enum class Anchor { start, middle, end };

/// An svg element that grows.  Coordinates are pixels at full size; x to the right, y down.  `attributes` is raw: class="grid".
class Svg {
 public:
  Svg(double width, double height) : width_(width), height_(height) {}

  void line(double x0, double y0, double x1, double y1, std::string_view attributes);
  void rectangle(double x, double y, double width, double height, std::string_view attributes);
  void words(double x, double y, std::string_view words, Anchor anchor = Anchor::start,
             std::string_view attributes = "");
  void image(double x, double y, double width, double height, const std::string& uri, std::string_view attributes = "");
  /// Markup, as it is.
  void raw(std::string_view markup) { body_ += markup; }
  /// A picture below this one, which grows by it.
  void add_below(const Svg& other);

  void grow_to(double height) { height_ = height; }
  double width() const { return width_; }
  double height() const { return height_; }
  /// Part of a page that has svg_style().  label: what a reader who hears the page is told.
  std::string element(const std::string& label) const;
  /// A file of its own.
  std::string file(const std::string& label) const;

 private:
  std::string opening(const std::string& label) const;

  double width_, height_;
  std::string body_;
};

}  // namespace camo::program
