#include "nn/backbone.h"

#include "nn/backbones/convnext.h"
#include "nn/backbones/edgenext.h"
#include "nn/backbones/efficientnet_lite.h"
#include "nn/backbones/pvt_v2.h"
#include "nn/backbones/swin.h"
#include "tensor/nearest.h"

namespace camo::nn {
namespace {

/// Calls f<Family>() for each family.  A family has configs(), a table of variants with names.
template <class F> void each_family(const F& f) {
  f.template operator()<PvtV2>();
  f.template operator()<EdgeNext>();
  f.template operator()<Swin>();
  f.template operator()<ConvNext>();
  f.template operator()<EfficientNetLite>();
}

/// True if `name` is the variant's name or timm's.
template <class Config> bool is_called(const Config& config, const std::string& name) {
  if constexpr (requires { config.alias; })
    if (name == config.alias) return true;
  return name == config.name;
}

}  // namespace

std::vector<std::string> backbone_names() {
  std::vector<std::string> names;
  each_family([&]<class Family>() {
    for (const auto& config : Family::configs()) names.push_back(config.name);
  });
  return names;
}

std::string backbone_name(const std::string& name) {
  const size_t slash = name.rfind("timm/"), begin = slash == name.npos ? 0 : slash + 5;
  const std::string bare = name.substr(begin, name.find('.', begin) - begin);  // '.' begins a tag
  std::string known = name;
  each_family([&]<class Family>() {
    for (const auto& config : Family::configs())
      if (is_called(config, bare)) known = config.name;
  });
  return known;
}

std::unique_ptr<Backbone> backbone(const std::string& any_name, Scope scope, const BackboneOptions& options) {
  const std::string name = backbone_name(any_name);
  check<ConfigError>(options.drop_path >= 0 && options.drop_path < 1, "backbone: drop_path lies in [0, 1), got ",
                     options.drop_path);
  std::unique_ptr<Backbone> made;
  each_family([&]<class Family>() {
    for (const auto& config : Family::configs())
      if (config.name == name) made = std::make_unique<Family>(scope, config, options);
  });
  if (made) return made;
  std::string all, near = nearest(name, backbone_names());
  for (const std::string& n : backbone_names()) all += (all.empty() ? "" : ", ") + n;
  if (!near.empty()) near = ", nearest: " + near;
  throw ConfigError(text("backbone: no '", name, "'", near, "  [one of ", all, "]"));
}

}  // namespace camo::nn
