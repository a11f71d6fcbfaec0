// The photographs named on a command line.
#pragma once

#include <string>
#include <vector>

namespace camo::program {

/// The photographs in files and folders, sorted, with headers checked; stems are unique.  If there are none, throws
/// DataError with a text that begins with `command`.
std::vector<std::string> photographs(const std::vector<std::string>& paths, const std::string& command);

}  // namespace camo::program
