#include "examples/camo/draw/plot.h"

#include <algorithm>
#include <cmath>

#include "examples/camo/draw/canvas.h"
#include "examples/camo/options/format.h"
#include "tensor/image/image.h"

namespace camo::program {
namespace {

constexpr int64_t kChartWidth = 560, kChartHeight = 340;
constexpr int64_t kLeft = 92, kRight = 24, kTop = 44, kBottom = 62;  // margins of a chart around its axes
constexpr int64_t kCell = 240, kSpace = 10, kCaption = 34;
constexpr Colour kWords{40, 40, 44}, kGrid{226, 226, 230}, kBorder{120, 120, 126};
constexpr Colour kColours[] = {{31, 119, 180}, {214, 96, 20},  {44, 140, 60},
                               {170, 50, 60},  {120, 80, 170}, {110, 85, 70}};

struct Range {
  double low, high;
  double part(double v) const { return (v - low) / (high - low); }
};

/// The range of the finite x or y over all series; widened if they are all equal, and to whole ticks on request.
Range range_of(const Chart& chart, std::vector<double> Series::*values, bool to_ticks) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const Series& s : chart.series)
    for (size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i)
      if (std::isfinite(s.x[i]) && std::isfinite(s.y[i]))
        low = std::min(low, (s.*values)[i]), high = std::max(high, (s.*values)[i]);
  if (low > high) low = 0, high = 1;
  if (low == high) {
    double spread = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= spread, high += spread;
  }
  if (!to_ticks) return {low, high};
  std::vector<double> t = ticks(low, high);
  double step = t[1] - t[0];
  return {low < t.front() ? t.front() - step : t.front(), high > t.back() ? t.back() + step : t.back()};
}

std::string number(double v) { return formatted("%.5g", v); }

void draw_chart(Canvas& canvas, int64_t left, int64_t top, const Chart& chart) {
  const double x0 = double(left + kLeft), y0 = double(top + kChartHeight - kBottom);
  const double w = double(kChartWidth - kLeft - kRight), h = double(kChartHeight - kTop - kBottom);
  const auto& asked = chart.y_range;
  const Range rx = range_of(chart, &Series::x, false);
  const Range ry = asked ? Range{asked->first, asked->second} : range_of(chart, &Series::y, true);
  const auto letter = Canvas::kLetterHeight * 2;
  bool whole = true;  // whole numbers, as for epochs
  for (const Series& s : chart.series)
    for (double v : s.x) whole = whole && v == std::floor(v);

  for (double v : ticks(ry.low, ry.high)) {
    double y = y0 - ry.part(v) * h;
    canvas.line(x0, y, x0 + w, y, kGrid);
    std::string label = number(v);
    canvas.write(int64_t(x0) - 8 - Canvas::text_width(label), int64_t(y) - letter / 2, label, kWords);
  }
  for (double v : ticks(rx.low, rx.high, 6, whole)) {
    double x = x0 + rx.part(v) * w;
    canvas.line(x, y0, x, y0 + 5, kBorder);
    std::string label = number(v);
    canvas.write(int64_t(x) - Canvas::text_width(label) / 2 + 1, int64_t(y0) + 10, label, kWords);
  }
  canvas.line(x0, y0, x0 + w, y0, kBorder);
  canvas.line(x0, y0, x0, y0 - h, kBorder);
  canvas.write(int64_t(x0 + w / 2) - Canvas::text_width(chart.x_label) / 2, int64_t(y0) + 34, chart.x_label, kWords);
  canvas.write(int64_t(x0), top + 16, chart.title, kWords);

  // The names stand beside the title, or one below the other within the axes if they would reach it.
  int64_t legend = left + kChartWidth - kRight, names = Canvas::text_width(chart.title) + kLeft;
  for (const Series& s : chart.series) names += Canvas::text_width(s.name) + 44;
  const bool below = names > kChartWidth - kRight;
  for (size_t i = chart.series.size(); i-- > 0;) {
    const Series& s = chart.series[i];
    const Colour colour = kColours[i % std::size(kColours)];
    if (chart.series.size() > 1) {
      if (below) legend = left + kChartWidth - kRight - 8;
      const int64_t line = top + 16 + (below ? kTop - 8 + 20 * int64_t(i) : 0);
      legend -= Canvas::text_width(s.name);
      canvas.write(legend, line, s.name, kWords);
      canvas.line(double(legend) - 24, double(line + 6), double(legend) - 10, double(line + 6), colour, 3);
      legend -= 44;
    }
    const size_t n = std::min(s.x.size(), s.y.size());
    auto finite = [&](size_t k) { return k < n && std::isfinite(s.x[k]) && std::isfinite(s.y[k]); };
    auto x = [&](size_t k) { return x0 + rx.part(s.x[k]) * w; };
    auto y = [&](size_t k) { return y0 - ry.part(s.y[k]) * h; };
    for (size_t k = 0; k < n; ++k) {
      if (!finite(k)) continue;
      if (finite(k + 1)) canvas.line(x(k), y(k), x(k + 1), y(k + 1), colour, 2);
      else if (k == 0 || !finite(k - 1)) canvas.line(x(k), y(k), x(k), y(k), colour, 6);  // a single point: a dot
    }
  }
}

}  // namespace

std::vector<double> ticks(double low, double high, int most, bool whole) {
  check<DataError>(std::isfinite(low) && std::isfinite(high) && low < high && most >= 2,
                   "ticks: needs low < high, got ", low, ", ", high);
  double power = std::pow(10, std::floor(std::log10((high - low) / most)));
  if (whole) power = std::max(power, 1.0);
  double step = power;
  for (double factor : {1.0, 2.0, 5.0, 10.0, 20.0}) {
    step = power * factor;
    if (std::floor(high / step + 1e-9) - std::ceil(low / step - 1e-9) + 1 <= most) break;
  }
  std::vector<double> out;
  for (double k = std::ceil(low / step - 1e-9); k <= std::floor(high / step + 1e-9); ++k)
    out.push_back(k == 0 ? 0 : k * step);
  return out;
}

Tensor draw_charts(const std::vector<Chart>& charts) {
  check<DataError>(!charts.empty(), "draw_charts: no chart to draw");
  const int64_t columns = std::min<int64_t>(int64_t(charts.size()), 2),
                rows = (int64_t(charts.size()) + columns - 1) / columns;
  Canvas canvas(rows * kChartHeight, columns * kChartWidth);
  for (size_t i = 0; i < charts.size(); ++i)
    draw_chart(canvas, int64_t(i) % columns * kChartWidth, int64_t(i) / columns * kChartHeight, charts[i]);
  return canvas.pixels();
}

void write_charts(const std::string& path, const std::vector<Chart>& charts) { write_png(path, draw_charts(charts)); }

Tensor draw_grid(const std::vector<std::vector<Tensor>>& rows, const std::vector<std::string>& captions) {
  check<DataError>(!rows.empty(), "draw_grid: no picture to draw");
  // A picture has the width of its column, or less if it would become taller than that.
  std::vector<std::vector<Tensor>> fitted;
  std::vector<int64_t> heights;
  int64_t columns = int64_t(captions.size()), total = kCaption;
  for (const auto& row : rows) {
    int64_t height = 1;
    fitted.emplace_back();
    for (const Tensor& x : row) {
      check(x.rank() == 3 && x.numel() > 0, "draw_grid: pictures are u8 (h, w, 1) or (h, w, 3), got ", x.shape());
      double scale = double(kCell) / double(std::max(x.dim(0), x.dim(1)));
      auto length = [&](int axis) { return std::max<int64_t>(1, std::llround(double(x.dim(axis)) * scale)); };
      fitted.back().push_back(resize_image(x, length(0), length(1)));
      height = std::max(height, length(0));
    }
    columns = std::max(columns, int64_t(row.size()));
    heights.push_back(height), total += height + kSpace;
  }
  Canvas canvas(total, columns * (kCell + kSpace) + kSpace);
  for (size_t c = 0; c < captions.size(); ++c)
    canvas.write(kSpace + int64_t(c) * (kCell + kSpace) + (kCell - Canvas::text_width(captions[c])) / 2, 12,
                 captions[c], kWords);
  int64_t y = kCaption;
  for (size_t r = 0; r < fitted.size(); y += heights[r] + kSpace, ++r)
    for (size_t c = 0; c < fitted[r].size(); ++c) {
      const Tensor& x = fitted[r][c];
      canvas.place(kSpace + int64_t(c) * (kCell + kSpace) + (kCell - x.dim(1)) / 2, y + (heights[r] - x.dim(0)) / 2, x);
    }
  return canvas.pixels();
}

void write_grid(const std::string& path, const std::vector<std::vector<Tensor>>& rows,
                const std::vector<std::string>& captions) {
  write_png(path, draw_grid(rows, captions));
}

}  // namespace camo::program
