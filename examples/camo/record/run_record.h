// The files of a run in its folder: configuration, metrics, checkpoints and pictures.
//
// A full disk does not stop a run: a file that cannot be written stays as it was, a warning is printed, and the run
// continues.  Only the last save of last.safetensors must succeed: check_last_save() throws the error of that save.
#pragma once

#include <functional>

#include "examples/camo/draw/plot.h"
#include "examples/camo/record/position.h"
#include "examples/camo/report/run_events.h"
#include "examples/camo/trained/checkpoint.h"
#include "examples/camo/trained/evaluate.h"
#include "examples/camo/trained/run_folder.h"
#include "moe/verify/survey.h"

namespace camo::program {

/// The lines of a metrics.jsonl; a missing file has none.  An incomplete last line is left out, and one that is no epoch
/// with a warning.
std::vector<JsonObject> read_metrics(const std::string& file,
                                     const std::function<void(const std::string&)>& warn = nullptr);

class RunRecord {
 public:
  /// warn(text) prints a warning line.  writes = false: the record of a process that leaves all files to another one.
  RunRecord(RunFolder folder, std::function<void(const std::string&)> warn, bool writes = true);

  const RunFolder& folder() const { return folder_; }
  /// Throws MemoryError unless the disk has room for two checkpoints of such a model, the old one and the new one.
  /// Only warns if `only_warn`.
  void check_disk(int64_t parameters, bool only_warn) const;
  void write_config(const TrainConfig& config) const;
  void write_environment(const JsonObject& environment);
  /// Writes report.html from the other files; a report that cannot be written is a warning.
  void write_report();

  /// What the machine did in an epoch, or in the part of it that this process trained.
  struct Machine {
    double seconds = 0, images_per_second = 0;            // seconds: with validation
    int64_t memory = 0;                                   // bytes: of the process, or in use on the GPU
    std::vector<std::pair<std::string, double>> parts{};  // seconds of each part
  };
  /// Appends the epoch that ends at `position` to metrics.jsonl and syncs the file.  The event file gets the same, the
  /// weights, and the rows of grid.svg.
  void add_epoch(const Position& position, const Scores& scores, double rate, const Machine& machine,
                 const std::vector<GridRow>& grid, moe::CamoXpert& model);
  /// Appends any other line.
  void add_line(const JsonObject& line) const;
  /// The run goes on to `epochs`: removes the lines and voids the events after `position`, which it writes again, and
  /// removes the pictures that only the last epoch draws.
  void go_on(const Position& position, int64_t epochs);
  /// Removes the lines of epochs after `epochs`.
  void trim_metrics(int64_t epochs) const;

  /// Returns false if the disk is full.
  bool save_best(const Checkpoint& checkpoint);
  void save_last(const Checkpoint& checkpoint);
  void check_last_save() const;

  /// Draws curves.svg and usage.svg from metrics.jsonl, and grid.svg if there are rows of photograph, truth, prediction.
  void draw_epoch(const std::vector<GridRow>& grid, moe::CamoXpert& model);
  /// For models with experts: draws groups.svg, and responses_N.svg for the first photographs of the grid.
  void draw_routing(const moe::Survey& survey, const std::vector<GridRow>& grid, moe::CamoXpert& model,
                    const TrainConfig& config);

  /// Draws worst.svg: the rows that `rows` makes, if this process writes and there are any.
  void draw_worst(const std::function<std::vector<GridRow>()>& rows);

 private:
  std::string warn_when_full(const std::function<void()>& write);

  RunFolder folder_;
  bool writes_;
  RunEvents events_;
  std::function<void(const std::string&)> warn_;
  std::string failed_save_;  // error of the newest save of last.safetensors; "" if none
};

}  // namespace camo::program
