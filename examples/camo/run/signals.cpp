#include "examples/camo/run/signals.h"

#include <unistd.h>

namespace camo::program {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGPIPE};
volatile std::sig_atomic_t g_caught = 0;

void on_signal(int signal) {
  if (g_caught) ::_exit(128 + signal);
  g_caught = signal;
}

}  // namespace

SignalGuard::SignalGuard() {
  g_caught = 0;
  struct sigaction action {};
  action.sa_flags = SA_RESTART;
  for (int i = 0; i < 3; ++i) {
    action.sa_handler = kSignals[i] == SIGPIPE ? SIG_IGN : on_signal;
    ::sigaction(kSignals[i], &action, &before_[i]);
  }
}

SignalGuard::~SignalGuard() {
  for (int i = 0; i < 3; ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
}

int SignalGuard::caught() const { return g_caught; }

}  // namespace camo::program
