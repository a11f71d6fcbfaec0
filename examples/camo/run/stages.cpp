#include "examples/camo/run/stages.h"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "examples/camo/options/format.h"
#include "nn/depth.h"

namespace camo::program {
namespace {

/// True for a name, for a part it begins with, and for a pattern of either: "backbone", "backbone.stages.0", "*.norm1".
bool matches(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0 || ::fnmatch((pattern + ".*").c_str(), name.c_str(), 0) == 0;
}

/// The names of the backbone's parameters that a stage has not thawed in its epoch `epoch`.
std::set<std::string> not_thawed(const moe::CamoXpert& model, const TrainConfig& stage, int64_t epoch) {
  const Thaw thaw = thaw_of(stage);
  std::set<std::string> out;
  if (thaw.every == 0) return out;
  const nn::NameGroups parts = nn::parts(*model.backbone);
  const int64_t n = int64_t(parts.size()), thawed = std::min(n, 1 + epoch / thaw.every);
  for (int64_t i = 0; i < n; ++i)
    if (thaw.from == ThawFrom::deepest ? i < n - thawed : i >= thawed)
      for (const std::string& name : parts[size_t(i)]) out.insert("backbone." + name);
  return out;
}

}  // namespace

Stages::Stages(const TrainConfig& config, int64_t photographs) {
  int64_t epoch = 0, step = 0;
  for (TrainConfig& c : stages_of(config)) {
    Stage s{};
    s.config = std::move(c);
    s.batch_size = std::min(s.config.batch_size, photographs);
    s.batches = photographs / s.batch_size;
    s.steps_per_epoch = (s.batches + s.config.accumulate - 1) / s.config.accumulate;
    s.first_epoch = epoch, s.first_step = step;
    s.rates = rate_schedule(s.config.schedule, double(s.steps_per_epoch));
    s.rates.steps = s.steps_per_epoch * s.config.epochs;
    s.rates.warmup = std::llround(s.config.warmup * double(s.steps_per_epoch));
    s.rates.peak = s.config.lr, s.rates.floor = s.config.min_lr;
    epoch = s.end_epoch(), step = s.end_step();
    stages_.push_back(std::move(s));
  }
}

size_t Stages::index(int64_t epoch) const {
  size_t i = 0;
  while (i + 1 < stages_.size() && epoch >= stages_[i].end_epoch()) ++i;
  return i;
}

void freeze_for(moe::CamoXpert& model, const TrainConfig& stage, int64_t epoch) {
  const std::vector<std::string> patterns = split(stage.freeze, ',');
  const std::set<std::string> cold = not_thawed(model, stage, epoch);
  const bool thaws = thaw_of(stage).every > 0;  // then "backbone" says what thaws
  std::vector<bool> used(patterns.size());
  bool any_left = false;
  model.freeze_where([&](const std::string& name) {
    bool frozen = cold.count(name) > 0;
    for (size_t i = 0; i < patterns.size(); ++i)
      if (matches(patterns[i], name)) used[i] = true, frozen = frozen || !(thaws && patterns[i] == "backbone");
    any_left = any_left || !frozen;
    return frozen;
  });
  for (size_t i = 0; i < patterns.size(); ++i)
    check<ConfigError>(used[i], "freeze: the network has no part '", patterns[i],
                       "' [backbone, scales, decoder, sides, heads, or a name that camo inspect shows]");
  check<ConfigError>(any_left, "freeze: nothing is left to train with '", stage.freeze, "'");
}

std::vector<nn::ParameterGroup> rate_groups(const moe::CamoXpert& model, const TrainConfig& stage) {
  std::vector<nn::ParameterGroup> out = {router_settings(stage).group};
  if (stage.layer_decay == 1) {
    if (stage.backbone_rate != 1) out.push_back({.path = "backbone", .rate_scale = stage.backbone_rate});
    return out;
  }
  const nn::NameGroups layers = nn::layers(*model.backbone);
  const std::vector<double> rates = nn::layer_rates(layers.size(), stage.layer_decay);
  for (size_t i = 0; i < layers.size(); ++i)
    for (const std::string& name : layers[i])
      out.push_back({.path = "backbone." + name, .rate_scale = stage.backbone_rate * rates[i]});
  return out;
}

int64_t trained_parameters(const moe::CamoXpert& model) {
  int64_t out = 0;
  for (const nn::Parameter& p : model.named_parameters()) out += p.frozen ? 0 : p.var.value().numel();
  return out;
}

}  // namespace camo::program
