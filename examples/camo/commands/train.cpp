// camo train: starts a new run from flags and a configuration file, or continues an old one.
#include <algorithm>
#include <string_view>

#include "examples/camo/commands/commands.h"
#include "examples/camo/run/run_folder.h"
#include "examples/camo/run/trainer.h"

namespace camo::program {
namespace {

/// The files of a run, one a line.
std::string run_files() {
  std::string out;
  for (const RunFileName& row : kRunFiles)
    out += text("  ", row.name, std::string(18 - std::string_view(row.name).size(), ' '), row.holds, "\n");
  return out;
}

}  // namespace

int train_command(const Arguments& words) {
  TrainConfig config;
  std::string file, run;
  Command command{
      .name = "train",
      .summary = "Trains a network on photographs with masks.",
      .usage =
          "camo train --data DIR|LIST|synthetic --out RUN [flags]   or   camo train --resume RUN "
          "[--epochs N]",
      .options = options(config),
      .notes = "A run folder holds\n" + run_files() +
               "Ctrl-C saves at the next step, and so do the signals of batch systems; SIGUSR1 saves and goes on.  A "
               "resumed run ends with the same bits as one never stopped."};
  command.options.add({{"config", &file, "read options from this .json file first; flags win"},
                       {"resume", &run, "go on with the run in this folder"}});
  const CommandLine line = parse(command, words);

  if (line.has("resume")) {
    const std::vector<std::string> legal = {"resume", "epochs", "threads", "workers", "device",
                                            "data",   "images", "masks",   "check",   "cache"};
    for (const auto& [flag, value] : line.flags)
      check<ConfigError>(std::count(legal.begin(), legal.end(), flag), "camo train --", flag,
                         ": a continued run keeps its own value [only --epochs, --data, --images, --masks, --check, "
                         "--cache, --device, --threads and --workers may change]");
    line.apply(command);  // checks the values
    check<ConfigError>(config.reading.images.empty() == config.reading.masks.empty() &&
                           (config.data.empty() || config.reading.images.empty()),
                       "camo train --resume: takes --data, or --images and --masks");
    return resume(run,
                  [&](TrainConfig& c) {
                    if (line.has("epochs")) c.epochs = config.epochs;
                    if (line.has("threads")) c.threads = config.threads;
                    if (line.has("workers")) c.workers = config.workers;
                    if (line.has("device")) c.device = config.device;
                    if (line.has("check")) c.check = config.check;
                    if (line.has("cache")) c.cache = config.cache;
                    if (!line.has("data") && !line.has("images") && !line.has("masks")) return;
                    c.data = config.data, c.reading.images = config.reading.images;
                    c.reading.masks = config.reading.masks;
                  })
        .exit_code;
  }
  for (const auto& [flag, value] : line.flags)
    if (flag == "config") read_config(value, config);
  line.apply(command);
  return train(config).exit_code;
}

}  // namespace camo::program
