#include "examples/camo/run/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tensor/error.h"

namespace camo::program {
namespace {

int terminal_width() {
  struct winsize size {};
  return ::ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

std::string scientific(double x) {
  char out[32];
  std::snprintf(out, sizeof out, "%.2e", x);
  return out;
}

}  // namespace

Progress::Progress(int64_t epochs, int64_t steps, int64_t done)
    : terminal_(::isatty(1)), epochs_(epochs), steps_(steps), done_(done), start_(Clock::now()) {}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count() - paused_; }

void Progress::pause() { pause_start_ = Clock::now(); }

void Progress::resume() { paused_ += std::chrono::duration<double>(Clock::now() - pause_start_).count(); }

void Progress::step(int64_t epoch, int64_t step, double loss, double rate, int64_t images) {
  double now = seconds();
  speed_ = double(images) / std::max(now, 1e-9);
  if (now - last_print_ < (terminal_ ? 0.2 : 10)) return;
  last_print_ = now;
  double left = double(steps_ - step) * (now + paused_) / double(std::max<int64_t>(step - done_, 1));
  std::string words = text("epoch ", epoch, "/", epochs_, "  step ", step, "/", steps_, "  loss ", fixed(loss, 4),
                           "  lr ", scientific(rate), "  ", fixed(speed_, 1), " img/s  eta ", clock_text(left),
                           "  mem ", bytes_text(double(resident_bytes())));
  if (terminal_)
    std::printf("\r%.*s\033[K", terminal_width() - 1, words.c_str());  // a line that wraps cannot be redrawn
  else std::printf("%s\n", words.c_str());
  std::fflush(stdout);
  drawn_ = terminal_;
}

void Progress::line(const std::string& message) {
  std::printf("%s%s\n", drawn_ ? "\r\033[K" : "", message.c_str());
  std::fflush(stdout);
  drawn_ = false;
}

std::string clock_text(double seconds) {
  int64_t s = int64_t(std::max(seconds, 0.0) + 0.5);
  char out[32];
  std::snprintf(out, sizeof out, "%lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60),
                (long long)(s % 60));
  return out;
}

std::string fixed(double x, int digits) {
  char out[64];
  std::snprintf(out, sizeof out, "%.*f", digits, x);
  return out;
}

std::string bytes_text(double bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  int unit = 0;
  while (bytes >= 1000 && unit < 4) bytes /= 1000, ++unit;
  char out[32];
  std::snprintf(out, sizeof out, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
  return out;
}

int64_t resident_bytes() {
  long long total = 0, resident = 0;
  if (std::FILE* f = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(f, "%lld %lld", &total, &resident) != 2) resident = 0;
    std::fclose(f);
  }
  return int64_t(resident) * ::sysconf(_SC_PAGESIZE);
}

}  // namespace camo::program
