#include "tensor/nearest.h"

#include <algorithm>
#include <numeric>

namespace camo {
namespace {

/// The Levenshtein distance: insertions, deletions and substitutions that turn a into b.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t substituted = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t least = word.size() / 2 + 1;
  for (const std::string& c : candidates)
    if (size_t d = edit_distance(word, c); d < least) least = d, best = c;
  if (!best.empty()) return best;
  for (const std::string& c : candidates)
    if (word.starts_with(c) && c.size() > best.size()) best = c;
  return best;
}

}  // namespace camo
