// What an epoch sums up.
#pragma once

#include <algorithm>

#include "examples/camo/run/learner.h"

namespace camo::program {

/// Sums over the steps of an epoch; part of the checkpoint, so that a continued epoch reports all of itself.
struct Tally {
  double loss = 0, grad_norm = 0;
  int64_t steps = 0, skipped = 0, bytes_kept = 0;
  std::vector<std::vector<double>> load;
  std::vector<double> auxiliary;

  void add(const StepReport& r) {
    if (!r.accepted) return void(++skipped);
    bytes_kept = std::max(bytes_kept, r.bytes_kept);
    loss += r.loss, grad_norm += r.grad_norm, ++steps;
    load.resize(r.load.size()), auxiliary.resize(r.auxiliary.size());
    for (size_t s = 0; s < load.size(); ++s) {
      load[s].resize(r.load[s].size());
      for (size_t e = 0; e < load[s].size(); ++e) load[s][e] += r.load[s][e];
      auxiliary[s] += r.auxiliary[s];
    }
  }
  double mean_loss() const { return loss / double(std::max<int64_t>(steps, 1)); }
  /// Per scale: the largest distance of an expert's load from the mean, as a share of it.
  std::vector<double> load_error() const {
    std::vector<double> out;
    for (const std::vector<double>& one : load) out.push_back(moe::load_error(one));
    return out;
  }
  std::vector<double> mean_auxiliary() const {
    std::vector<double> out = auxiliary;
    for (double& a : out) a /= double(std::max<int64_t>(steps, 1));
    return out;
  }
  void save(JsonObject& state) const {
    if (!auxiliary.empty()) state.set("auxiliary_sum", auxiliary);
    state.set("loss_sum", loss), state.set("grad_norm_sum", grad_norm);
    state.set("bytes_kept", bytes_kept), state.set("epoch_steps", steps), state.set("epoch_skipped", skipped);
    for (size_t s = 0; s < load.size(); ++s) state.set(text("load_", s), load[s]);
  }
  void load_from(const JsonObject& state) {
    loss = state.number("loss_sum"), grad_norm = state.number("grad_norm_sum");
    bytes_kept = state.integer("bytes_kept"), steps = state.integer("epoch_steps"),
    skipped = state.integer("epoch_skipped");
    if (const JsonValue* v = state.find("auxiliary_sum")) auxiliary = std::get<std::vector<double>>(*v);
    while (const JsonValue* v = state.find(text("load_", load.size())))
      load.push_back(std::get<std::vector<double>>(*v));
  }
};

}  // namespace camo::program
