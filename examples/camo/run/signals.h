// Remembers SIGINT and SIGTERM, so that a training loop can stop between two steps.  A second signal ends the
// process at once.
#pragma once

#include <csignal>

namespace camo::program {

/// While it lives, the first signal is only remembered.  SIGPIPE is ignored: a closed terminal does not end a run.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  /// The signal that came, or 0.
  int caught() const;

 private:
  struct sigaction before_[3];
};

}  // namespace camo::program
