// Records signals, so that the training loop can save between two steps.
//
//   SIGINT, SIGTERM, SIGHUP, SIGUSR2, SIGXCPU   save and stop; a second one ends the process at once
//   SIGUSR1                                     save and go on
//
// Batch systems warn with SIGTERM, SIGUSR1, SIGUSR2 or SIGXCPU before they kill.
#pragma once

#include <csignal>
#include <vector>

namespace camo::program {

/// While one exists, signals are only recorded.  SIGPIPE is ignored, so that a closed terminal does not end a run; SIGHUP
/// too, if it was (nohup).
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  /// The signal to stop for, or 0.
  int caught() const;
  /// Whether SIGUSR1 came since the last call.
  bool save_asked();

 private:
  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace camo::program
