// Line charts, and tables of pictures.
//
// A chart is as wide as a phone; several stand one below the other, so that their axes can be compared.  The end of each
// line carries its name.  Columns that a pointer can touch show the values in their <title>.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "examples/camo/draw/svg.h"

namespace camo::program {

struct Series {
  std::string name{};
  std::vector<double> x{}, y{};  // of equal length; a non-finite point interrupts the line
};

struct Chart {
  std::string title{};
  std::vector<Series> series{};
  std::string x_label = "epoch";
  std::optional<std::pair<double, double>> y_range{};  // ends of the y axis; by default the range of the values
};

constexpr double kPictureWidth = 420;                     // of charts and grids, in pixels
constexpr size_t kMostPoints = 1000, kMostColumns = 120;  // of a chart of few lines; of many, each has fewer

/// A chart with title, axes, ticks, and lines with their names.  A line of more than kMostPoints points keeps the least and
/// the largest of each stretch; values show at kMostColumns places at most.
Svg draw_chart(const Chart& chart);
Svg draw_charts(const std::vector<Chart>& charts);
void write_charts(const std::string& path, const std::vector<Chart>& charts);

/// Pictures side by side, u8 (h, w, 3) or (h, w, 1), under a line that names them.
struct GridRow {
  std::vector<Tensor> pictures;
  std::string name = {}, words = {};
};
/// A picture as a grid holds it: u8, at most twice the pixels that it is shown with.
Tensor small_picture(const Tensor& picture);
/// A table of pictures, each fitted into a cell with its proportions kept, with captions above the columns.
Svg draw_grid(const std::vector<GridRow>& rows,
              const std::vector<std::string>& captions = {"photograph", "truth", "prediction"});
void write_grid(const std::string& path, const std::vector<GridRow>& rows,
                const std::vector<std::string>& captions = {"photograph", "truth", "prediction"});

/// Round tick positions that cover [low, high], at most `most`: steps of 1, 2 or 5 times a power of ten.
/// `whole`: only integers.
std::vector<double> ticks(double low, double high, int most = 6, bool whole = false);

/// The places nearest to `wanted` that lie `gap` apart, and in [low, high] where there is room.
std::vector<double> spread(const std::vector<double>& wanted, double gap, double low, double high);

/// At most `most` of the indices of `values`: the least and the largest of each of equally long stretches, in order.
std::vector<size_t> thinned(const std::vector<double>& values, size_t most);

}  // namespace camo::program
