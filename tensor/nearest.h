// Finds the nearest known name, for error messages: "pvt_v2_b9 ... nearest: pvt_v2_b0".
#pragma once

#include <string>
#include <vector>

namespace camo {

/// The candidate with the smallest edit distance to `word`, the first of several.  If that would change more than half
/// of the word, the longest candidate that `word` begins with, or "".
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace camo
