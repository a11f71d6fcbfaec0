// The measures of each image of a set as a .csv file: what `camo eval --csv` writes and `camo compare` reads.
//
// The first line names the columns: name, then measures (metrics.h).  A name with commas or quotes is quoted as
// RFC 4180 says.  Numbers are written so that they read back as the same bits.
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
/// DataError names `where` and the line: another first column, rows of another length, what is no number, no rows, a
/// name twice.
ImageTable parse_csv(const std::string& text, const std::string& where);

}  // namespace camo::program
