// The signals that any process of a run has caught.  All processes learn of them at the same place between two steps, so
// all stop, or save, at the same step.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "examples/camo/run/signals.h"
#include "tensor/processes.h"

namespace camo::program {

class SharedSignals {
 public:
  SharedSignals(Processes& all, SignalGuard& mine) : all_(all), mine_(mine) {}

  /// What this process tells the others, and what they have told.
  std::string note() { return text(mine_.caught(), " ", mine_.save_asked() ? 1 : 0); }
  void read(const std::vector<std::string>& notes);
  /// Asks all processes now.  Returns the signal to stop for, or 0.
  int ask() { return read(gather(all_, note())), caught_; }

  /// The signal to stop for that some process has caught, or 0; the same at every process.  One process knows its own at
  /// once.
  int caught() const { return all_.count() == 1 ? mine_.caught() : caught_; }
  /// Whether this process has caught one, which the others may not know yet.
  bool caught_here() const { return mine_.caught() != 0; }
  /// Whether a process has been asked to save since the last call; the same at every process.
  bool save_asked() { return std::exchange(save_, false); }

 private:
  Processes& all_;
  SignalGuard& mine_;
  int caught_ = 0;
  bool save_ = false;
};

}  // namespace camo::program
