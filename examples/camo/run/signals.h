// Records SIGINT and SIGTERM, so that the training loop can stop between two steps.  A second signal ends
// the process at once.
#pragma once

#include <csignal>

namespace camo::program {

/// While one exists, the first signal is only recorded.  SIGPIPE is ignored, so that a closed terminal
/// does not end a run.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  /// The signal received, or 0.
  int caught() const;

 private:
  struct sigaction before_[3];
};

}  // namespace camo::program
