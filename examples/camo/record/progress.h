// Prints the progress of a run: epoch, step, loss, learning rate, speed and time left.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "tensor/device.h"

namespace camo::program {

/// The time that a run still takes, judged by its last minute: the first steps are slow.
class TimeLeft {
 public:
  /// done: steps of earlier processes, which took none of this one's time.
  explicit TimeLeft(int64_t done) : recent_{{0., done}} {}
  /// `step` steps are done after so many seconds.
  void at(double seconds, int64_t step);
  /// Seconds until `steps` steps are done.
  double until(int64_t steps) const;

 private:
  std::deque<std::pair<double, int64_t>> recent_;  // seconds and step, of the last minute
};

/// On a terminal, redraws one line; in a file or pipe, prints a line every ten seconds.
class Progress {
 public:
  /// steps: in the whole run; done: in earlier processes.
  Progress(int64_t epochs, int64_t steps, int64_t done, Device device);
  /// Call it after each step.  images: number trained on by this process so far.
  void step(int64_t epoch, int64_t step, double loss, double rate, int64_t images);
  /// The run has become shorter.
  void set_total(int64_t epochs, int64_t steps) { epochs_ = epochs, steps_ = steps; }
  /// Prints a permanent line above the redrawn one.
  void line(const std::string& message);
  /// Appends every further line that begins with "warning: " to this file, with its epoch; makes the file.  Lines of
  /// epochs after `epoch` are removed: the run repeats them.
  void keep_warnings(const std::string& file, int64_t epoch);
  /// Appends words to that file, with the epoch, without printing them.
  void keep(const std::string& words);
  /// Images per second since the start, without the time between pause() and resume().
  double speed() const { return speed_; }
  /// The time between the two does not count as training: validation, saving, drawing.
  void pause();
  void resume();

 private:
  using Clock = std::chrono::steady_clock;
  double seconds() const;

  bool terminal_, drawn_ = false;
  int64_t epochs_, steps_, epoch_ = 0;
  TimeLeft left_;  // pauses count
  Device device_;
  double speed_ = 0, last_print_ = -1e9, paused_ = 0;
  Clock::time_point start_, pause_start_;
  std::string warnings_;               // the file
  std::vector<std::string> of_start_;  // its lines without an epoch, which every start prints again
};

}  // namespace camo::program
