// The photographs that a command is given.
#pragma once

#include <string>
#include <vector>

namespace camo::program {

/// The photographs named by files and folders, sorted, checked by their headers; stems are unique.  `command`
/// begins the message when there is none.
std::vector<std::string> photographs(const std::vector<std::string>& given, const std::string& command);

}  // namespace camo::program
