// The photographs that a command works on.
#pragma once

#include <string>
#include <vector>

namespace camo::program {

/// The photographs among some files and folders, sorted; their headers are checked and their stems are unique.
/// DataError, which begins with `command`, when there is none.
std::vector<std::string> photographs(const std::vector<std::string>& paths, const std::string& command);

}  // namespace camo::program
