// The measures of each image of a set as a .csv file, which `camo eval --csv` writes and `camo compare` reads.
//
// The first line names the columns: name, then measures (metrics.h).  Names with commas or quotes are quoted as in RFC
// 4180.  Numbers are written so that they read back with the same bits.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/metrics/metrics.h"

namespace camo::program {

struct ImageTable {
  std::vector<std::string> columns;       // without "name"
  std::vector<std::string> names;         // of the images
  std::vector<std::vector<double>> rows;  // a figure for each column
};

ImageTable image_table(const std::vector<std::string>& names, const std::vector<ImageMeasures>& images);
std::string to_csv(const ImageTable& table);
/// Throws DataError, naming `where` and the line, for: another first column, rows of another length, a cell that is not
/// a number, no rows, a repeated name.
ImageTable parse_csv(const std::string& text, const std::string& where);

}  // namespace camo::program
