#include "moe/experts.h"

#include "moe/experts/attention.h"
#include "moe/experts/contrast.h"
#include "moe/experts/edge.h"
#include "moe/experts/frequency.h"
#include "moe/experts/hybrid.h"
#include "moe/experts/texture.h"

namespace camo::moe {

const std::vector<ExpertKind>& expert_kinds() {
  static const std::vector<ExpertKind> kinds = {
      {"texture", add_expert<TextureExpert>},
      {"frequency", add_expert<FrequencyExpert>},
      {"edge", add_expert<EdgeExpert>},
      {"contrast", add_expert<ContrastExpert>},
      {"attention", add_expert<AttentionExpert>},
      {"hybrid", add_expert<HybridExpert>},
  };
  return kinds;
}

const ExpertKind& expert_kind(const std::string& name) {
  std::string known;
  for (const ExpertKind& kind : expert_kinds()) {
    if (kind.name == name) return kind;
    known += (known.empty() ? "" : ", ") + std::string(kind.name);
  }
  throw ConfigError(text("expert: no kind is called '", name, "' [one of ", known, "]"));
}

}  // namespace camo::moe
