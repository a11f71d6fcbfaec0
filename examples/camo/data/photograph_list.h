// The photographs named on a command line.
#pragma once

#include <string>
#include <vector>

namespace camo::program {

struct Photographs {
  std::vector<std::string> files;    // sorted; their headers are good and their stems differ
  std::vector<std::string> refused;  // "PATH: reason" of files that are no picture or whose header is bad
};

/// The photographs in files and folders; subfolders and files without a picture's name are left out.  Throws DataError for
/// a path that does not exist, for two photographs of one stem, and if there are none at all; begins with `command`.
Photographs photographs(const std::vector<std::string>& paths, const std::string& command);

/// Lists the files that a command could not read on standard error; nothing if there are none.
void report_refused(const std::string& command, const std::vector<std::string>& refused);

}  // namespace camo::program
