#include "examples/camo/draw/plot.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tensor/image/image.h"
#include "tensor/io/file.h"

namespace camo::program {
namespace {

constexpr double kHeight = 216, kTop = 34, kBottom = 44, kRight = 14, kLine = 15, kEdge = 6;
constexpr size_t kColours = 6, kMostLetters = 16;

struct Range {
  double low, high;
  double part(double v) const { return (v - low) / (high - low); }
};

size_t length(const Series& s) { return std::min(s.x.size(), s.y.size()); }
bool finite(const Series& s, size_t i) {
  constexpr double kLargest = 1e100;  // beyond it, ranges would overflow
  return i < length(s) && std::abs(s.x[i]) < kLargest && std::abs(s.y[i]) < kLargest;
}

/// The range of the finite x or y over all series; widened if they are all equal, and to whole ticks on request.
Range range_of(const Chart& chart, std::vector<double> Series::*values, bool to_ticks) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const Series& s : chart.series)
    for (size_t i = 0; i < length(s); ++i)
      if (finite(s, i)) low = std::min(low, (s.*values)[i]), high = std::max(high, (s.*values)[i]);
  if (low > high) low = 0, high = 1;
  const double size = std::max(std::abs(low), std::abs(high)), spread = size < 1e-100 ? 1 : size * 0.1;
  if (high - low <= 1e-9 * size || size < 1e-100) low -= spread, high += spread;
  if (!to_ticks) return {low, high};
  const std::vector<double> t = ticks(low, high, 5);
  const double step = t.size() > 1 ? t[1] - t[0] : high - low;
  return {low < t.front() ? t.front() - step : t.front(), high > t.back() ? t.back() + step : t.back()};
}

/// Where a chart puts its values.
struct Frame {
  double left, right, top = kTop, bottom = kHeight - kBottom;
  Range rx, ry;
  double x(double v) const { return left + rx.part(v) * (right - left); }
  double y(double v) const { return bottom - std::clamp(ry.part(v), 0.0, 1.0) * (bottom - top); }
};

/// `most`, or less where many lines share a chart: a page of 40 charts for 32 runs then has 3 MB.
size_t few(size_t most, const Chart& chart) {
  return std::max(most / 12, std::min(most, 11 * most / (4 * chart.series.size() + 1)));
}

std::string series_class(const char* kind, size_t i) { return text("class=\"", kind, " series", i % kColours, "\""); }

void draw_axes(Svg& svg, const Chart& chart, const Frame& f) {
  svg.words(kEdge, 18, chart.title, Anchor::start, "class=\"title\"");
  for (double v : ticks(f.ry.low, f.ry.high, 7)) {
    svg.line(f.left, f.y(v), f.right, f.y(v), "class=\"grid\"");
    svg.words(f.left - 7, f.y(v) + 4, value_text(v), Anchor::end, "class=\"soft\"");
  }
  bool whole = true;  // as epochs are
  for (const Series& s : chart.series)
    for (double v : s.x) whole = whole && v == std::floor(v);
  for (double v : ticks(f.rx.low, f.rx.high, 6, whole)) {
    svg.line(f.x(v), f.bottom, f.x(v), f.bottom + 4, "class=\"axis\"");
    svg.words(f.x(v), f.bottom + 17, value_text(v), Anchor::middle, "class=\"soft\"");
  }
  svg.line(f.left, f.bottom, f.right, f.bottom, "class=\"axis\"");
  svg.words((f.left + f.right) / 2, f.bottom + 34, chart.x_label, Anchor::middle, "class=\"soft\"");
}

void draw_series(Svg& svg, const Series& s, const Frame& f, size_t number, size_t most) {
  std::string path;
  const std::vector<double> y(s.y.begin(), s.y.begin() + std::ptrdiff_t(length(s)));
  const std::vector<size_t> kept = thinned(y, most);
  for (size_t k = 0; k < kept.size(); ++k) {
    const bool before = k > 0 && finite(s, kept[k - 1]), after = k + 1 < kept.size() && finite(s, kept[k + 1]);
    if (!finite(s, kept[k])) continue;
    const std::string x_text = coordinate(f.x(s.x[kept[k]])), y_text = coordinate(f.y(s.y[kept[k]]));
    if (before || after) path += text(before ? "L" : "M", x_text, " ", y_text);
    else svg.raw(text("<circle cx=\"", x_text, "\" cy=\"", y_text, "\" r=\"3\" ", series_class("dot", number), "/>\n"));
  }
  if (!path.empty()) svg.raw(text("<path d=\"", path, "\" ", series_class("curve", number), "/>\n"));
}

/// The names, beside the ends of their lines.  A line that ends early is led to its name.
void draw_names(Svg& svg, const Chart& chart, const Frame& f) {
  std::vector<double> ends;
  std::vector<size_t> shown;
  for (size_t i = 0; i < chart.series.size(); ++i)
    for (size_t k = length(chart.series[i]); k-- > 0;)
      if (finite(chart.series[i], k)) {
        const double x = f.x(chart.series[i].x[k]), y = f.y(chart.series[i].y[k]);
        if (x < f.right - 1) svg.line(x, y, f.right, y, "class=\"lead\"");
        ends.push_back(y), shown.push_back(i);
        break;
      }
  const std::vector<double> places = spread(ends, kLine, f.top, f.bottom);
  for (size_t k = 0; k < shown.size(); ++k) {
    const std::string name = shortened(chart.series[shown[k]].name, kMostLetters);
    svg.raw(text("<path d=\"M", coordinate(f.right + 4), " ", coordinate(ends[k]), "L", coordinate(f.right + 12), " ",
                 coordinate(places[k]), "h12\" ", series_class("curve", shown[k]), "/>\n"));
    svg.words(f.right + 28, places[k] + 4, name);
  }
}

/// Columns over the chart, each with the values of its x.
void draw_values(Svg& svg, const Chart& chart, const Frame& f) {
  std::vector<double> xs;
  for (const Series& s : chart.series)
    for (size_t i = 0; i < length(s); ++i)
      if (finite(s, i)) xs.push_back(s.x[i]);
  std::sort(xs.begin(), xs.end());
  xs.erase(std::unique(xs.begin(), xs.end()), xs.end());
  std::vector<double> kept;
  const size_t n = std::min(xs.size(), few(kMostColumns, chart));
  for (size_t i = 0; i < n; ++i) kept.push_back(xs[n == 1 ? 0 : i * (xs.size() - 1) / (n - 1)]);
  std::vector<bool> rises;
  for (const Series& s : chart.series) rises.push_back(std::is_sorted(s.x.begin(), s.x.end()));
  const auto place = [&](size_t k, double x) {  // of x in a series
    const std::vector<double>& all = chart.series[k].x;
    const auto found = rises[k] ? std::lower_bound(all.begin(), all.end(), x) : std::find(all.begin(), all.end(), x);
    return size_t(found - all.begin());
  };
  for (size_t i = 0; i < n; ++i) {
    const double from = i == 0 ? f.left : f.x((kept[i - 1] + kept[i]) / 2);
    const double to = i + 1 == n ? f.right : f.x((kept[i] + kept[i + 1]) / 2);
    std::string title = chart.x_label + " " + value_text(kept[i]), dots;
    for (size_t k = 0; k < chart.series.size(); ++k) {
      const Series& s = chart.series[k];
      const size_t p = place(k, kept[i]);
      if (!finite(s, p) || s.x[p] != kept[i]) continue;
      title += "\n" + (s.name.empty() ? chart.title : s.name) + " " + value_text(s.y[p]);
      dots += text("<circle cx=\"", coordinate(f.x(s.x[p])), "\" cy=\"", coordinate(f.y(s.y[p])), "\" r=\"3\" ",
                   series_class("dot", k), "/>");
    }
    svg.raw(text("<g class=\"hit\"><title>", escaped(title), "</title>"));
    svg.rectangle(from, f.top, to - from, f.bottom - f.top, "");
    svg.raw(dots + "</g>\n");
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

std::vector<double> spread(const std::vector<double>& wanted, double gap, double low, double high) {
  std::vector<size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return wanted[a] < wanted[b]; });
  std::vector<double> out = wanted;
  double least = low;
  for (size_t i : order) out[i] = std::max(out[i], least), least = out[i] + gap;
  double most = high;
  for (size_t k = order.size(); k-- > 0; most = out[order[k]] - gap) out[order[k]] = std::min(out[order[k]], most);
  return out;
}

std::vector<size_t> thinned(const std::vector<double>& values, size_t most) {
  std::vector<size_t> out;
  const size_t n = values.size(), stretches = n <= most ? n : most / 2;
  for (size_t s = 0; s < stretches; ++s) {
    size_t first = s * n / stretches, end = (s + 1) * n / stretches, least = first, largest = first;
    for (size_t i = first; i < end; ++i) {
      if (!std::isfinite(values[least]) || values[i] < values[least]) least = i;
      if (!std::isfinite(values[largest]) || values[i] > values[largest]) largest = i;
    }
    out.push_back(std::min(least, largest));
    if (least != largest) out.push_back(std::max(least, largest));
  }
  return out;
}

Svg draw_chart(const Chart& chart) {
  Frame f{.left = 40, .right = kPictureWidth - kRight, .rx = range_of(chart, &Series::x, false), .ry = {0, 1}};
  f.ry = chart.y_range ? Range{chart.y_range->first, chart.y_range->second} : range_of(chart, &Series::y, true);
  for (double v : ticks(f.ry.low, f.ry.high, 7)) f.left = std::max(f.left, guessed_width(value_text(v)) + 7 + kEdge);
  const bool named = chart.series.size() > 1;
  double names = 0;
  for (const Series& s : chart.series) names = std::max(names, guessed_width(shortened(s.name, kMostLetters)));
  if (named) f.right -= names + 20;
  const double height = std::max(kHeight, kTop + kBottom + kLine * double(chart.series.size()));
  f.bottom = height - kBottom;
  Svg svg(kPictureWidth, height);
  draw_axes(svg, chart, f);
  for (size_t i = 0; i < chart.series.size(); ++i) draw_series(svg, chart.series[i], f, i, few(kMostPoints, chart));
  if (named) draw_names(svg, chart, f);
  draw_values(svg, chart, f);
  return svg;
}

Svg draw_charts(const std::vector<Chart>& charts) {
  check<DataError>(!charts.empty(), "draw_charts: no chart to draw");
  Svg svg(kPictureWidth, 4);
  for (const Chart& chart : charts) svg.add_below(draw_chart(chart));
  return svg;
}

void write_charts(const std::string& path, const std::vector<Chart>& charts) {
  std::string label;
  for (const Chart& chart : charts) label += (label.empty() ? "" : "; ") + chart.title;
  write_file(path, draw_charts(charts).file(label), false);
}

}  // namespace camo::program
