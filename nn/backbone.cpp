#include "nn/backbone.h"

#include "nn/backbones/pvt_v2.h"
#include "nn/nearest.h"

namespace camo::nn {

std::vector<std::string> backbone_names() {
  std::vector<std::string> names;
  for (const PvtV2Config& c : pvt_v2_configs()) names.push_back(c.name);
  return names;
}

std::unique_ptr<Backbone> make_backbone(Scope scope, const std::string& name, double drop_path) {
  check<ConfigError>(drop_path >= 0 && drop_path < 1, "backbone: drop_path lies in [0, 1), got ", drop_path);
  for (const PvtV2Config& c : pvt_v2_configs())
    if (c.name == name) return std::make_unique<PvtV2>(std::move(scope), c, drop_path);
  std::string all, near = nearest(name, backbone_names());
  for (const std::string& n : backbone_names()) all += (all.empty() ? "" : ", ") + n;
  if (!near.empty()) near = ", nearest: " + near;
  throw ConfigError(text("backbone: no '", name, "'", near, "  [one of ", all, "]"));
}

}  // namespace camo::nn
