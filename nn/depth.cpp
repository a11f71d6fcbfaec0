#include "nn/depth.h"

#include <cmath>
#include <regex>

namespace camo::nn {
namespace {

/// Begins a new group wherever the beginning of the name that matches changes.
NameGroups grouped(const Module& backbone, const char* beginning) {
  const std::regex pattern(beginning);
  NameGroups out(1);
  std::string last;
  for (const Parameter& p : backbone.named_parameters()) {
    std::smatch match;
    const bool found = std::regex_search(p.name, match, pattern);
    if (found && match.str() != last) out.emplace_back(), last = match.str();
    out.back().push_back(p.name);
  }
  if (out.front().empty()) out.erase(out.begin());
  return out;
}

}  // namespace

NameGroups layers(const Module& backbone) { return grouped(backbone, R"(^(.*\.)?blocks(\.\d+)+)"); }
NameGroups parts(const Module& backbone) { return grouped(backbone, R"(^(stages|layers|blocks)\.\d+)"); }

std::vector<double> layer_rates(size_t n, double decay) {
  std::vector<double> out;
  for (size_t i = 0; i < n; ++i) out.push_back(std::pow(decay, double(n - i)));
  return out;
}

}  // namespace camo::nn
