#include "moe/experts.h"

#include <algorithm>
#include <map>

#include "moe/experts/cod.h"
#include "moe/experts/generic.h"

namespace camo::moe {

ExpertList::ExpertList(nn::Scope s, int64_t dim, const std::vector<ExpertKind>& kinds) : Experts(std::move(s)) {
  for (const ExpertKind& kind : kinds) {
    experts_.push_back(kind.make(sub(std::to_string(experts_.size())), dim));
    names.push_back(kind.name);
  }
}

Var ExpertList::results(const Var& packed, const std::vector<int64_t>& begin) {
  Vars parts;
  for (size_t e = 0; e < experts_.size(); ++e)
    if (begin[e] < begin[e + 1])  // an expert without rows does no work and gets no gradient
      parts.push_back(experts_[e]->forward(slice_rows(packed, begin[e], begin[e + 1])));
  return parts.empty() ? packed : concat(parts, 0);
}

const std::vector<ExpertKind>& cod_experts() {
  static const std::vector<ExpertKind> kinds = {
      {"texture", make_expert<cod::TextureExpert>},     {"frequency", make_expert<cod::FrequencyExpert>},
      {"edge", make_expert<cod::EdgeExpert>},           {"contrast", make_expert<cod::ContrastExpert>},
      {"attention", make_expert<cod::AttentionExpert>}, {"hybrid", make_expert<cod::HybridExpert>},
  };
  return kinds;
}

std::vector<ExpertKind> generic_experts(AttentionKind attention, int64_t pool_above) {
  auto make_attention = [attention, pool_above](nn::Scope s, int64_t dim) {
    return std::make_unique<generic::AttentionExpert>(std::move(s), dim, attention, pool_above);
  };
  return {
      {"texture", make_expert<generic::TextureExpert>},   {"attention", make_attention},
      {"hybrid", make_expert<generic::HybridExpert>},     {"frequency", make_expert<generic::FrequencyExpert>},
      {"edge", make_expert<generic::EdgeExpert>},         {"context", make_expert<generic::ContextExpert>},
      {"contrast", make_expert<generic::ContrastExpert>},
  };
}

std::vector<ExpertKind> pick(const std::vector<ExpertKind>& family, int64_t count) {
  if (count == 0) return family;
  std::vector<ExpertKind> out;
  for (int64_t e = 0; e < count; ++e) out.push_back(family[size_t(e) % family.size()]);
  return out;
}

std::vector<ExpertKind> pick(const std::vector<ExpertKind>& family, const std::vector<std::string>& names) {
  std::vector<ExpertKind> out;
  std::map<std::string, int> times;
  for (const std::string& name : names) {
    const auto found =
        std::find_if(family.begin(), family.end(), [&](const ExpertKind& kind) { return kind.name == name; });
    if (found == family.end()) {
      std::string all;
      for (const ExpertKind& kind : family) all += (all.empty() ? "" : ", ") + kind.name;
      throw ConfigError(text("experts: this family has no '", name, "' [one of ", all, "]"));
    }
    out.push_back(*found);
    if (const int n = ++times[name]; n > 1) out.back().name += text(" ", n);
  }
  return out;
}

}  // namespace camo::moe
