// camo train: starts a new run from flags and a configuration file, or continues an old one.
#include <algorithm>
#include <string_view>

#include "examples/camo/commands/commands.h"
#include "examples/camo/options/stages.h"
#include "examples/camo/run/prepare.h"
#include "examples/camo/run/together.h"
#include "examples/camo/run/trainer.h"
#include "examples/camo/trained/run_folder.h"
#include "examples/camo/trained/start_weights.h"

namespace camo::program {
namespace {

/// The files of a run, one a line.
std::string run_files() {
  std::string out;
  for (const RunFileName& row : kRunFiles)
    out += text("  ", row.name, std::string(18 - std::string_view(row.name).size(), ' '), row.holds, "\n");
  return out;
}

std::string stage_help() {
  std::string keys;
  for (const std::string& key : stage_keys()) keys += (keys.empty() ? "" : ", ") + key;
  return "Stages: --stageN-KEY VALUE sets KEY for stage N = 1, 2, ...  --epochs counts all stages.  Without a table "
         "in --config, stage 1 freezes the backbone unless --stage1-freeze says otherwise; --skip-stage1 leaves it "
         "out.  KEY: " +
         keys + ".\n";
}

std::string value_of(const CommandLine& line, const std::string& flag) {
  for (const auto& [name, value] : line.flags)
    if (name == flag) return value;
  return "";
}

/// What the flags change in a run that goes on.  ConfigError for one that must stay as it is.
std::function<void(TrainConfig&)> change(const CommandLine& line, const TrainConfig& flags, const StageFlags& stages) {
  const std::vector<std::string> legal = {"resume",  "epochs",     "hours",   "patience", "data",
                                          "images",  "masks",      "check",   "cache",    "device",
                                          "threads", "bf16-units", "workers", "deadline"};
  for (const auto& [flag, value] : line.flags)
    check<ConfigError>(
        std::count(legal.begin(), legal.end(), flag), "camo train --", flag,
        ": a continued run keeps its own value [only --epochs, --hours, --patience, --data, --images, "
        "--masks, --check, --cache, --device, --bf16-units, --threads, --workers and --deadline may change]");
  check<ConfigError>(stages.stages.empty() && !stages.skip_first,
                     "camo train --resume: the stages of a continued run stay; --epochs N changes the last one");
  check<ConfigError>(flags.reading.images.empty() == flags.reading.masks.empty() &&
                         (flags.data.empty() || flags.reading.images.empty()),
                     "camo train --resume: takes --data, or --images and --masks");
  return [&line, &flags](TrainConfig& c) {
    if (line.has("epochs")) set_total_epochs(c, flags.epochs);
    if (line.has("threads")) c.threads = flags.threads;
    if (line.has("workers")) c.workers = flags.workers;
    if (line.has("device")) c.device = flags.device;
    if (line.has("bf16-units")) c.bf16_units = flags.bf16_units;
    if (line.has("check")) c.check = flags.check;
    if (line.has("cache")) c.cache = flags.cache;
    if (line.has("hours")) c.hours = flags.hours;
    if (line.has("deadline")) c.deadline = flags.deadline;
    if (line.has("patience")) c.patience = flags.patience;
    if (!line.has("data") && !line.has("images") && !line.has("masks")) return;
    c.data = flags.data, c.reading.images = flags.reading.images, c.reading.masks = flags.reading.masks;
  };
}

}  // namespace

int train_command(const Arguments& all_words) {
  Processes& all = join_processes();
  TrainConfig config;
  std::string file, run;
  bool plan = false;
  Arguments words = all_words;
  const StageFlags stages = StageFlags::take(words);
  Command command{
      .name = "train",
      .summary = "Trains a network on photographs with masks.",
      .usage =
          "camo train --data DIR|LIST|synthetic --out RUN [flags]   or   camo train --resume RUN "
          "[--epochs N]",
      .options = options(config),
      .notes = stage_help() + "A run folder holds\n" + run_files() +
               "Ctrl-C saves at the next step, and so do the signals of batch systems; SIGUSR1 saves and goes on.  A "
               "resumed run ends with the same bits as one never stopped."};
  command.options.add({{"config", &file, "read options from this .json file first; flags win"},
                       {"resume", &run, "go on with the run in this folder"},
                       {"plan", &plan, "train nothing: print the minutes, memory and disk that the run would take"}});
  const CommandLine line = parse(command, words);

  if (line.has("resume")) {
    line.apply(command);  // checks the values
    return resume(run, change(line, config, stages)).exit_code;
  }
  const auto read_all = [&] {
    if (line.has("config")) read_config(value_of(line, "config"), config);
    line.apply(command);
  };
  read_all();
  if (starts_from_network(config)) {
    TrainConfig theirs;
    theirs.weights = config.weights;
    adopt_network(theirs);
    config = theirs;
    read_all();  // what is asked for wins over what the network has
    if (config.model != theirs.model && config.router == theirs.router) config.router.clear();
    if (config.pool != theirs.pool || config.model != theirs.model)
      config.experts = config.experts == theirs.experts ? 0 : config.experts;
    else if (config.experts != theirs.experts) config.pool.clear();
  }
  stages.apply(config);
  if (line.has("epochs") && !stages.skip_first) {
    const int64_t asked = config.epochs;
    complete_stages(config);
    check<ConfigError>(config.epochs == asked, "camo train --epochs: the stages take ", config.epochs,
                       " together, got ", asked);
  }
  if (plan) {
    multiply_accumulate(config, all.count());
    all.deadline = kPatience * config.deadline;
    if (all.first()) print_plan(config);
    return 0;
  }
  return train(config).exit_code;
}

}  // namespace camo::program
