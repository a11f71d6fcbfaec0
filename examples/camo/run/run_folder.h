// A run folder: what a training run leaves behind, and the lock that keeps a second process out.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/options/json.h"

namespace camo::program {

/// The lines of a metrics.jsonl; a torn last line is left out, a missing file has none.
std::vector<JsonObject> read_metrics(const std::string& file);

class RunFolder {
 public:
  /// Makes a new one.  ConfigError if the path holds a run, or anything under a name that a run writes.
  static RunFolder create(const std::string& path);
  /// Opens one to go on with it.  ConfigError if it is none.
  static RunFolder open(const std::string& path);
  RunFolder(RunFolder&& other) noexcept;
  ~RunFolder();

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  /// metrics.jsonl: one object a line, appended and synced.
  void append_metrics(const JsonObject& line) const;
  std::vector<JsonObject> read_metrics() const;
  /// Drops lines of later epochs, which a stopped run will write again.
  void trim_metrics(int64_t epochs) const;
  /// curves.png: loss, IoU, Dice and MAE over the epochs.
  void draw_curves() const;

 private:
  explicit RunFolder(std::string path);  // takes the lock; ConfigError names the process that holds it
  std::string path_;
  int lock_ = -1;
};

}  // namespace camo::program
