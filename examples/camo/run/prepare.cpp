#include "examples/camo/run/prepare.h"

#include <cstdio>
#include <filesystem>

#include "examples/camo/options/stages.h"
#include "examples/camo/options/stopwatch.h"
#include "examples/camo/trained/run_folder.h"
#include "examples/camo/trained/weights_file.h"

namespace camo::program {
namespace {

/// So that the run can go on from any folder.
void make_paths_absolute(TrainConfig& config) {
  auto absolute = [](std::string& path) {
    if (!path.empty()) path = std::filesystem::absolute(path).lexically_normal().string();
  };
  if (config.data != "synthetic") absolute(config.data);
  absolute(config.weights);
  absolute(config.reading.images), absolute(config.reading.masks);
  if (config.cache != "off" && config.cache != "memory") absolute(config.cache);
}

/// Of a configuration that has been validated.
Splits complete(TrainConfig& config) {
  complete_stages(config);
  make_paths_absolute(config);
  if (config.experts == 0 && config.pool.empty())
    config.experts = moe::family_size(config.model);  // it loads after the family has grown
  apply_machine(config);
  Splits data = find_splits(config);
  config.normalisation = to_text(expected_normalisation(config));
  return data;
}

/// True if a run measures its cost before it begins: for --hours, and for the minutes in its table of stages.
bool measures(const TrainConfig& config) { return config.hours > 0 || !config.stages.empty(); }

void say(const std::string& words) {
  if (words.empty()) return;
  std::printf("%s\n", words.c_str());
  std::fflush(stdout);
}

}  // namespace

Prepared prepare_run(TrainConfig& config) {
  const Stopwatch watch;
  validate(config);
  RunFolder::check_free(config.out);  // before anything takes time
  Prepared out{complete(config)};
  say(fit_memory(config, out.data));
  if (measures(config)) {
    out.cost = measure_cost(config, out.data);
    out.cost->start_seconds = watch.seconds();
    return_free_memory();  // of the network that was measured
  }
  if (config.hours > 0) say(fit_hours(config, out.data, *out.cost));
  out.seconds = watch.seconds();
  return out;
}

Prepared prepare_resumed(TrainConfig& config, const std::string& folder) {
  config.out = folder;
  make_paths_absolute(config);
  const std::string& data = config.reading.images.empty() ? config.data : config.reading.images;
  check<DataError>(data == "synthetic" || std::filesystem::exists(data), data,
                   ": the data of the run is not there any more ", "[camo train --resume ", folder,
                   " --data WHERE-IT-IS]");
  apply_machine(config);
  return {find_splits(config)};
}

void print_plan(TrainConfig config) {
  const Stopwatch watch;
  validate(config);
  const Splits data = complete(config);
  say(fit_memory(config, data));
  const double before = watch.seconds();
  RunCost cost = measure_cost(config, data);
  cost.start_seconds = measures(config) ? watch.seconds() : before;
  say(fit_hours(config, data, cost));
  say(cost_table(Stages(config, data.train.size()), cost));
}

}  // namespace camo::program
