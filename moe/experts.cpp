#include "moe/experts.h"

#include "moe/experts/cod.h"

namespace camo::moe {

const std::vector<ExpertKind>& cod_experts() {
  static const std::vector<ExpertKind> kinds = {
      {"texture", add_expert<cod::TextureExpert>},     {"frequency", add_expert<cod::FrequencyExpert>},
      {"edge", add_expert<cod::EdgeExpert>},           {"contrast", add_expert<cod::ContrastExpert>},
      {"attention", add_expert<cod::AttentionExpert>}, {"hybrid", add_expert<cod::HybridExpert>},
  };
  return kinds;
}

}  // namespace camo::moe
