// A run folder: the names of its files, and the lock that keeps a second process out.
// Read next: record/run_record.h, which writes the files.
#pragma once

#include <string>

namespace camo::program {

enum class RunFile {
  config,
  environment,
  metrics,
  warnings,
  last,
  best,
  events,
  curves,
  grid,
  worst,
  usage,
  groups,
  responses,
  report,
  lock
};

/// The files that a run writes into its folder; a kind with several files has a row for each.
struct RunFileName {
  RunFile file;
  const char *name, *holds;
};
inline constexpr RunFileName kRunFiles[] = {
    {RunFile::config, "config.json", "all options; camo train --config reads it"},
    {RunFile::environment, "environment.json", "version, processor, threads, network"},
    {RunFile::metrics, "metrics.jsonl", "one JSON object per epoch"},
    {RunFile::warnings, "warnings.txt", "the warnings that the run printed"},
    {RunFile::last, "last.safetensors", "newest checkpoint; camo train --resume goes on from it"},
    {RunFile::best, "best.safetensors", "weights of the best epoch, for eval, predict, route, verify"},
    {RunFile::events, "events", "folder of event files; tensorboard --logdir shows them"},
    {RunFile::curves, "curves.svg", "loss, scores, learning rate, times over the epochs"},
    {RunFile::grid, "grid.svg", "some photographs with truth and prediction"},
    {RunFile::worst, "worst.svg", "the ten with the lowest IoU, of the last validation"},
    {RunFile::usage, "usage.svg", "share of each expert in every epoch"},
    {RunFile::groups, "groups.svg", "share of each expert by groups of images"},
    {RunFile::responses, "responses_0.svg", "what the experts answer to one photograph"},
    {RunFile::responses, "responses_1.svg", "the same for another"},
    {RunFile::responses, "responses_2.svg", "the same for a third"},
    {RunFile::report, "report.html", "a page of all this; camo report writes it again"},
    {RunFile::lock, "lock", "process that holds the folder"},
};

/// FOLDER/NAME; number: the index, for a kind with several files.
std::string run_file(const std::string& folder, RunFile file, int64_t number = 0);
/// The number of files of that kind.
int64_t count(RunFile file);

class RunFolder {
 public:
  /// Creates a new one.  ConfigError if the path has a run, or any file with a name in kRunFiles.
  static RunFolder create(const std::string& path);
  /// ConfigError if create() would refuse the path.
  static void check_free(const std::string& path);
  /// Opens one to continue its run.  ConfigError if it is not a run folder.
  static RunFolder open(const std::string& path);
  /// Names one that another process holds.
  static RunFolder of_another_process(const std::string& path) { return RunFolder(path, /*hold=*/false); }
  RunFolder(RunFolder&& other) noexcept;
  ~RunFolder();

  const std::string& path() const { return path_; }
  std::string file(RunFile file, int64_t number = 0) const { return run_file(path_, file, number); }

 private:
  explicit RunFolder(std::string path,
                     bool hold = true);  // takes the lock; ConfigError names the process that holds it
  std::string path_;
  int lock_ = -1;
};

}  // namespace camo::program
