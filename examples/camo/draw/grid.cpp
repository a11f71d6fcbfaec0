// Tables of pictures.
#include <algorithm>
#include <cmath>

#include "examples/camo/draw/plot.h"
#include "tensor/image/image.h"
#include "tensor/io/file.h"

namespace camo::program {
namespace {

constexpr double kSpace = 6, kMargin = 8, kWordsLine = 15;

/// Height and width of a picture within a square cell.
std::pair<double, double> fitted(const Tensor& x, double cell) {
  check(x.rank() == 3 && x.numel() > 0, "draw_grid: pictures are u8 (h, w, 1) or (h, w, 3), got ", x.shape());
  const double scale = cell / double(std::max(x.dim(0), x.dim(1)));
  return {double(x.dim(0)) * scale, double(x.dim(1)) * scale};
}

Tensor shrunk(const Tensor& x, double side) {
  const auto [h, w] = fitted(x, side);
  if (h >= double(x.dim(0))) return x;
  return resize_image(x, std::max<int64_t>(1, std::llround(h)), std::max<int64_t>(1, std::llround(w)));
}

}  // namespace

Tensor small_picture(const Tensor& picture) { return shrunk(picture, kPictureWidth * 2 / 3); }

Svg draw_grid(const std::vector<GridRow>& rows, const std::vector<std::string>& captions) {
  check<DataError>(!rows.empty(), "draw_grid: no picture to draw");
  size_t columns = captions.size();
  for (const GridRow& row : rows) columns = std::max(columns, row.pictures.size());
  const double cell = (kPictureWidth - 2 * kMargin - kSpace * double(columns - 1)) / double(columns);
  const size_t letters = size_t((kPictureWidth - 2 * kMargin) / guessed_width("m"));
  const auto left = [&](size_t c) { return kMargin + double(c) * (cell + kSpace); };

  Svg svg(kPictureWidth, 24);
  for (size_t c = 0; c < captions.size(); ++c) svg.words(left(c), 18, captions[c], Anchor::start, "class=\"soft\"");
  for (const GridRow& row : rows) {
    double tallest = 0, y = svg.height();
    for (const Tensor& x : row.pictures) tallest = std::max(tallest, fitted(x, cell).first);
    for (size_t c = 0; c < row.pictures.size(); ++c) {
      const auto [h, w] = fitted(row.pictures[c], cell);
      const Tensor small = shrunk(row.pictures[c], 2 * cell);
      svg.image(left(c), y, w, h, small.dim(2) == 3 ? photograph_uri(small) : map_uri(small));
    }
    y += tallest;
    if (!row.name.empty()) svg.words(left(0), y += kWordsLine, shortened(row.name, letters));
    if (!row.words.empty())
      svg.words(left(0), y += kWordsLine, shortened(row.words, letters), Anchor::start, "class=\"soft\"");
    svg.grow_to(y + 12);
  }
  return svg;
}

void write_grid(const std::string& path, const std::vector<GridRow>& rows, const std::vector<std::string>& captions) {
  std::string label;
  for (const std::string& caption : captions) label += (label.empty() ? "" : ", ") + caption;
  write_file(path, draw_grid(rows, captions).file(label), false);
}

}  // namespace camo::program
