#include "examples/camo/run/start_report.h"

#include <cstdio>

#include "examples/camo/data/epoch.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/options/format.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

/// "1 thread", "2 threads".
std::string counted(int64_t n, const char* what) { return text(n, " ", what, n == 1 ? "" : "s"); }

std::string network_line(const TrainConfig& c, const moe::CamoXpert& model, const Splits& data) {
  const int64_t trained = trained_parameters(model);
  return text(c.model, " on ", c.backbone, ", ", model.parameter_count(), " parameters, ",
              trained == model.parameter_count() ? "all" : text(trained), " of them trained; ", data.train.size(),
              " photographs at ", to_string(c.size), ", ", data.validation.size(), " for validation (", data.where,
              ")");
}

std::string machine_line(const TrainConfig& c, moe::CamoXpert& model) {
  return text(describe(c.device), ", ", counted(threads(), "thread"), ", ", counted(c.workers, "worker"), ", ",
              name_of(c.precision), units_words(), "; ", uses_plain_attention() ? "plain" : name_of(c.attention),
              " attention", "; ",
              moe::mixtures(model).empty() ? "no routing to check"
              : c.verify_every == 0        ? "routing is not checked"
              : c.verify_every == 1        ? "routing is checked in every pass"
                                           : text("routing is checked every ", c.verify_every, " passes"));
}

std::string steps_line(const Stages& stages) {
  const Stage& s = stages.all()[0];
  const int64_t together = s.batch_size * std::min(s.config.accumulate, s.batches);
  return text(stages.steps(), " steps of ", together, " photographs (", s.batch_size, " at a time), ", "rate up to ",
              s.config.lr, ", that is ", formatted("%.3g", s.config.lr / double(together)), " a photograph",
              s.config.ema_decay > 0 ? "; averaged (EMA) weights are validated and kept as best" : "");
}

/// "backbone", "nothing", "sides; the backbone thaws every=2".
std::string frozen_words(const TrainConfig& stage) {
  if (stage.thaw.empty()) return stage.freeze.empty() ? "nothing" : stage.freeze;
  return text(stage.freeze, stage.freeze.empty() ? "" : "; ", "the backbone thaws ", stage.thaw);
}

/// A row for each stage: epochs, batch, size, rates, minutes, what is trained and frozen.
std::string stage_table(const Stages& stages, moe::CamoXpert& model, const std::optional<RunCost>& cost) {
  std::string out =
      "stage   epochs  photographs a step  size      rate: first, peak, last         minutes  trained             "
      "frozen";
  for (size_t i = 0; i < stages.all().size(); ++i) {
    const Stage& s = stages.all()[i];
    freeze_for(model, s.config, 0);
    const int64_t first = trained_parameters(model);
    freeze_for(model, s.config, s.config.epochs - 1);
    const int64_t last = trained_parameters(model);
    const std::string trained = first == last ? text(first) : text(first, " to ", last),
                      batch = text(s.batch_size * std::min(s.config.accumulate, s.batches), " (", s.batch_size,
                                   " at a time)"),
                      rates = text(formatted("%.2e", s.rate(s.first_step)), ", ", formatted("%.2e", s.rates.peak), ", ",
                                   formatted("%.2e", s.rate(std::max(s.first_step, s.end_step() - 1)))),
                      minutes = cost ? fixed(double(s.config.epochs) * cost->epoch_seconds(s, i) / 60, 1) : "-",
                      frozen = frozen_words(s.config);
    char line[256];
    std::snprintf(line, sizeof line, "\n%-6zu %7lld  %-18s  %-8s  %-30s %7s  %-18s  ", i + 1,
                  (long long)s.config.epochs, batch.c_str(), to_string(s.config.size).c_str(), rates.c_str(),
                  minutes.c_str(), trained.c_str());
    out += line + frozen;
  }
  return out;
}

}  // namespace

JsonObject environment(const TrainConfig& c, const Stages& stages, Learner& learner, const Splits& data) {
  JsonObject out;
  std::vector<JsonObject> experts;
  for (const ScaleNames& scale : scale_names(learner.model())) {
    std::string names;
    for (const std::string& name : scale.experts) names += (names.empty() ? "" : ",") + name;
    experts.emplace_back().items = {{"scale", scale.title}, {"names", names}};
  }
  out.items = {
      {"version", CAMO_VERSION},
      {"processor", describe(c.device)},
      {"threads", int64_t(threads())},
      {"workers", c.workers},
      {"processes", int64_t(processes().count())},
      {"precision", name_of(c.precision)},
      {"network", network_line(c, learner.model(), data)},
      {"machine", machine_line(c, learner.model())},
      {"steps", c.stages.empty() ? steps_line(stages) : text(stages.steps(), " steps in ", c.stages.size(), " stages")},
      {"experts", experts}};
  return out;
}

std::vector<std::string> start_report(const TrainConfig& c, const Stages& stages, Learner& learner, const Splits& data,
                                      const std::optional<RunCost>& cost) {
  std::vector<std::string> lines;
  moe::CamoXpert& model = learner.model();
  if (c.chosen == 1 && !moe::mixtures(model).empty() &&
      router_settings(c).mixture.balancing != moe::Balancing::auxiliary)
    lines.push_back("warning: one chosen expert has weight 1, which teaches its router nothing [--chosen 2]");
  lines.push_back(network_line(c, model, data));
  if (const std::string note = empty_masks_note(data.train, c.empty_share); !note.empty()) lines.push_back(note);
  if (!learner.weights_report().empty()) lines.push_back(learner.weights_report());
  lines.push_back(machine_line(c, model));
  if (c.stages.empty()) lines.push_back(steps_line(stages));
  else lines.push_back(stage_table(stages, model, cost));
  return lines;
}

}  // namespace camo::program
