// camo train: a new run from flags and a configuration file, or an old one continued.
#include <algorithm>

#include "examples/camo/commands/commands.h"
#include "examples/camo/run/trainer.h"

namespace camo::program {

int train_command(const Arguments& words) {
  TrainConfig config;
  std::string file, run;
  Command command{.name = "train",
                  .summary = "Trains a network on photographs with masks.",
                  .usage =
                      "camo train --data DIR|LIST|synthetic --out RUN [flags]   or   camo train --resume RUN "
                      "[--epochs N]",
                  .options = options(config),
                  .notes =
                      "A run folder holds config.json (for --config), metrics.jsonl, curves.png, grid.png, "
                      "last.safetensors (for\n"
                      "--resume) and best.safetensors (for eval and predict).  Ctrl-C saves at the next "
                      "step; the continued run\n"
                      "ends in the same bits as one that was never stopped."};
  command.options.push_back({"config", &file, "read these options from a file first; flags win"});
  command.options.push_back({"resume", &run, "go on with the run in this folder"});
  Given given = parse(command, words);

  if (given.has("resume")) {
    const std::vector<std::string> legal = {"resume", "epochs", "threads", "workers"};
    for (const auto& [flag, value] : given.flags)
      check<ConfigError>(std::count(legal.begin(), legal.end(), flag), "camo train --", flag,
                         ": a continued run keeps its own value [only --epochs, --threads and --workers may change]");
    given.apply(command);  // checks the values
    return resume(run,
                  [&](TrainConfig& c) {
                    if (given.has("epochs")) c.epochs = config.epochs;
                    if (given.has("threads")) c.threads = config.threads;
                    if (given.has("workers")) c.workers = config.workers;
                  })
        .exit_code;
  }
  for (const auto& [flag, value] : given.flags)
    if (flag == "config") read_config(value, config);
  given.apply(command);
  return train(config).exit_code;
}

}  // namespace camo::program
