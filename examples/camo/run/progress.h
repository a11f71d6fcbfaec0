// The line that says how far a run is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace camo::program {

/// On a terminal one line that is redrawn; in a file or a pipe a plain line every ten seconds.
class Progress {
 public:
  /// total: steps in the whole run, done: those before this process.
  Progress(int64_t epochs, int64_t total, int64_t done);
  /// After a step; images counts those of this process.
  void step(int64_t epoch, int64_t step, double loss, double rate, int64_t images);
  /// Prints a line of its own, above the redrawn one.
  void line(const std::string& words);
  /// Images in a second since the start, without validation.
  double speed() const { return speed_; }
  /// Time that is no training: between pause() and resume().
  void pause();
  void resume();

 private:
  using Clock = std::chrono::steady_clock;
  double seconds() const;

  bool terminal_, drawn_ = false;
  int64_t epochs_, total_, done_;
  double speed_ = 0, last_print_ = -1e9, paused_ = 0;
  Clock::time_point start_, pause_start_;
};

}  // namespace camo::program
