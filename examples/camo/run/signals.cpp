#include "examples/camo/run/signals.h"

#include <unistd.h>

namespace camo::program {
namespace {

volatile std::sig_atomic_t g_caught = 0, g_save = 0;

void stop(int signal) {
  if (g_caught) ::_exit(128 + signal);
  g_caught = signal;
}
void save(int) { g_save = 1; }

}  // namespace

SignalGuard::SignalGuard() {
  g_caught = 0;
  g_save = 0;
  auto handle = [&](int signal, void (*handler)(int)) {
    struct sigaction action {
    }, before;
    action.sa_flags = SA_RESTART;
    action.sa_handler = handler;
    ::sigaction(signal, nullptr, &before);
    if (signal == SIGHUP && before.sa_handler == SIG_IGN) return;
    ::sigaction(signal, &action, nullptr);
    before_.emplace_back(signal, before);
  };
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR2, SIGXCPU}) handle(signal, stop);
  handle(SIGUSR1, save);
  handle(SIGPIPE, SIG_IGN);
}

SignalGuard::~SignalGuard() {
  for (const auto& [signal, before] : before_) ::sigaction(signal, &before, nullptr);
}

int SignalGuard::caught() const { return g_caught; }

bool SignalGuard::save_asked() {
  const bool asked = g_save;
  g_save = 0;
  return asked;
}

}  // namespace camo::program
