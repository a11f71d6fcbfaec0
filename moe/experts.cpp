#include "moe/experts.h"

#include "moe/experts/cod.h"
#include "moe/experts/generic.h"

namespace camo::moe {

const std::vector<ExpertKind>& cod_experts() {
  static const std::vector<ExpertKind> kinds = {
      {"texture", add_expert<cod::TextureExpert>},     {"frequency", add_expert<cod::FrequencyExpert>},
      {"edge", add_expert<cod::EdgeExpert>},           {"contrast", add_expert<cod::ContrastExpert>},
      {"attention", add_expert<cod::AttentionExpert>}, {"hybrid", add_expert<cod::HybridExpert>},
  };
  return kinds;
}

std::vector<ExpertKind> generic_experts(AttentionKind attention) {
  auto add_attention = [attention](nn::List<Expert>& list, int64_t dim) -> Expert& {
    return list.add<generic::AttentionExpert>(dim, attention);
  };
  return {
      {"texture", add_expert<generic::TextureExpert>},   {"attention", add_attention},
      {"hybrid", add_expert<generic::HybridExpert>},     {"frequency", add_expert<generic::FrequencyExpert>},
      {"edge", add_expert<generic::EdgeExpert>},         {"context", add_expert<generic::ContextExpert>},
      {"contrast", add_expert<generic::ContrastExpert>},
  };
}

std::vector<ExpertKind> pick(const std::vector<ExpertKind>& family, int64_t count) {
  std::vector<ExpertKind> out;
  for (int64_t e = 0; e < count; ++e) out.push_back(family[size_t(e) % family.size()]);
  return out;
}

}  // namespace camo::moe
