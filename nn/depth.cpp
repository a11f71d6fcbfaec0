#include "nn/depth.h"

#include <cmath>
#include <sstream>

namespace camo::nn {
namespace {

using Words = std::vector<std::string>;

Words split_at_dots(const std::string& name) {
  Words out;
  std::istringstream stream(name);
  for (std::string word; std::getline(stream, word, '.');) out.push_back(word);
  return out;
}

bool is_number(const std::string& word) { return word.find_first_not_of("0123456789") == word.npos; }

/// How many words of a name tell its group: those up to the numbers behind its last "blocks".  0: it has none.
size_t up_to_block(const Words& words) {
  for (size_t i = words.size(); i-- > 0;) {
    size_t end = i + 1;
    while (end < words.size() && is_number(words[end])) ++end;
    if (words[i] == "blocks" && end > i + 1) return end;
  }
  return 0;
}

/// Those of "stages.0", "layers.0", "blocks.0" at its beginning.
size_t up_to_part(const Words& words) {
  const bool named = words[0] == "stages" || words[0] == "layers" || words[0] == "blocks";
  return named && words.size() > 1 && is_number(words[1]) ? 2 : 0;
}

/// Begins a new group wherever the words that tell it change.
NameGroups grouped(const Module& backbone, size_t (*telling)(const Words&)) {
  NameGroups out(1);
  Words last;
  for (const Parameter& p : backbone.named_parameters()) {
    Words words = split_at_dots(p.name);
    words.resize(telling(words));
    if (!words.empty() && words != last) out.emplace_back(), last = words;
    out.back().push_back(p.name);
  }
  if (out.front().empty()) out.erase(out.begin());
  return out;
}

}  // namespace

NameGroups layers(const Module& backbone) { return grouped(backbone, up_to_block); }
NameGroups parts(const Module& backbone) { return grouped(backbone, up_to_part); }

std::vector<double> layer_rates(size_t n, double decay) {
  std::vector<double> out;
  for (size_t i = 0; i < n; ++i) out.push_back(std::pow(decay, double(n - i)));
  return out;
}

}  // namespace camo::nn
