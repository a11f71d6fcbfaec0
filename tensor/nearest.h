// The nearest word, for messages about names that do not exist: "pvt_v2_b9 ... nearest: pvt_v2_b0".
#pragma once

#include <string>
#include <vector>

namespace camo {

/// The candidate with the smallest edit distance to word, the first of equals; when none is near (more than half of the
/// word would change) the longest that word begins with, or "".
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace camo
