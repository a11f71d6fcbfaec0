// camo soup: one network whose weights are the mean over several runs.
#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/epoch.h"
#include "examples/camo/data/splits.h"
#include "examples/camo/options/files.h"
#include "examples/camo/predict/mean_weights.h"
#include "examples/camo/trained/trained_network.h"
#include "examples/camo/trained/weights_file.h"
#include "tensor/ops/layout.h"

namespace camo::program {
namespace {

/// Measures batch norm on `count` training photographs, drawn by seed and changed as in training: the statistics of
/// photographs as they are would belong to another distribution than those of the runs.
/// Returns how many: whole batches.
int64_t measure_on(moe::CamoXpert& model, const TrainConfig& config, const Dataset& data, int64_t count) {
  std::vector<int64_t> order = shuffled(data.size(), uint64_t(config.seed), 0);
  order.resize(size_t(std::min(count, data.size())));
  const AugmentSettings settings = augment_settings(config.augment);
  const int64_t batch = std::min<int64_t>(std::max<int64_t>(config.batch_size, 2), int64_t(order.size()));
  Loader<RawSample> loader(
      [&](int64_t i) { return sample_of(data, i, config.size, settings, uint64_t(config.seed), 0); }, order,
      config.workers, batch);
  const int64_t batches = int64_t(order.size()) / batch;
  measure_batch_norm(model, batches, [&](int64_t) {
    const Sample now = *next_batch(loader, batch, model.state().device, normalisation(config));
    model.forward(Var(cast(now.image, precision(config))));
  });
  return batches * batch;
}

}  // namespace

int soup_command(const Arguments& words) {
  std::string out, data;
  bool overwrite = false;
  int64_t count = 1024;
  Machine machine;
  Command command{
      .name = "soup",
      .summary =
          "Averages the weights of runs of one configuration, which should have begun from the same "
          "weights, and measures the statistics of batch norm again on training photographs.",
      .usage = "camo soup RUN RUN... --out FILE.safetensors [flags]",
      .options = {{"out", &out, "file for the network, which --weights of other commands reads"},
                  {"overwrite", &overwrite, "replace the file"},
                  {"data", &data, "folder of photographs and masks; by default the data of the first run"},
                  {"count", &count, "photographs, at most, to measure batch norm on; changed as in training", 2, 1e6}},
      .rest = "RUNS",
      .notes = "camo eval and camo compare tell whether it is better than each of the runs."};
  command.options.add(options(machine).only({"device", "threads", "workers"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(line.rest.size() > 1 && !out.empty(), "camo soup: needs two or more runs and --out");
  check<ConfigError>(out.ends_with(".safetensors"), "camo soup --out: must end in .safetensors, got '", out, "'");
  check_writable(out, "camo soup --out");
  check<ConfigError>(overwrite || !std::filesystem::exists(out), "camo soup --out: ", out, " exists [--overwrite]");

  std::vector<RunWeights> runs;
  for (const std::string& run : line.rest) {
    NetworkFile file = read_network(run);
    runs.push_back({file.path, file.config, std::move(file.weights)});
  }
  nn::NamedTensors mean = mean_weights(runs);
  TrainedNetwork soup = open_network(line.rest[0], machine);
  nn::load_state_dict(*soup.model, std::move(mean));
  TrainConfig& config = soup.config;
  config.workers = machine.workers;
  if (!data.empty()) config.data = data, config.reading.images.clear(), config.reading.masks.clear();
  config.cache = "off";
  const Splits splits = find_splits(config);
  check<DataError>(splits.train.size() >= 2, "camo soup: batch norm needs two photographs or more");
  const int64_t measured = measure_on(*soup.model, config, splits.train, count);
  for (const RunWeights& run : runs)  // what one run held out another may have trained on
    if (run.config.seed != config.seed || run.config.hold_out != config.hold_out ||
        run.config.data != runs[0].config.data)
      config.hold_out = 0;
  write_weights(out, *soup.model, about_network(config));
  std::printf("%s: the mean of %zu networks; batch norm measured on %lld photographs\n", out.c_str(), runs.size(),
              (long long)measured);
  return 0;
}

}  // namespace camo::program
