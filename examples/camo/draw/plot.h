// Pictures of a run: line charts of its metrics and grids of its predictions, drawn on a Canvas and written as PNG.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tensor/tensor.h"

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

/// Charts side by side, two per row, each with axes, tick labels and (for two or more series) a legend.
/// Returns u8 (H, W, 3).
Tensor draw_charts(const std::vector<Chart>& charts);
void write_charts(const std::string& path, const std::vector<Chart>& charts);

/// A table of pictures, u8 (h, w, 3) or (h, w, 1), each fitted into a cell with its proportions kept, with captions
/// above the columns.  Returns u8 (H, W, 3).
Tensor draw_grid(const std::vector<std::vector<Tensor>>& rows,
                 const std::vector<std::string>& captions = {"photograph", "truth", "prediction"});
void write_grid(const std::string& path, const std::vector<std::vector<Tensor>>& rows,
                const std::vector<std::string>& captions = {"photograph", "truth", "prediction"});

/// Round tick positions that cover [low, high], at most `most`: steps of 1, 2 or 5 times a power of ten.
/// `whole`: only integers.
std::vector<double> ticks(double low, double high, int most = 6, bool whole = false);

}  // namespace camo::program
