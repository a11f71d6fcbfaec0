// Writes one Python file from pieces of several: the definitions that it needs, and the lines that hold for it.
//
// The pieces are ordinary Python files (export/pytorch/), which the build embeds.  A line that ends in a mark is written
// only where the mark's words hold:
//     x = F.relu(x)  # if pooled            where the word `pooled` is given
//     return y  # if tile and not noise     where `tile` is given and `noise` is not
// A mark on a line that ends in a colon (if, for, def) decides about its block too.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace camo::program {

struct PythonFile {
  std::string docstring;                         // of the file
  std::set<std::string> words;                   // that hold
  std::map<std::string, std::string> constants;  // the values of some, by name: "SIZE" is "(96, 96)"
  std::map<std::string, std::string> functions;  // the texts of some, by name
};

/// The text of a file with `if __name__ == "__main__":` of the pieces, all that it needs, directly or not, in the order of
/// the pieces, and the imports that are used.  ConfigError if one of the `functions` uses a class that no piece defines.
std::string python_text(const std::vector<std::string_view>& pieces, const PythonFile& about);

}  // namespace camo::program
