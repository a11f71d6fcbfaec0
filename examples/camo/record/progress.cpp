#include "examples/camo/record/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "examples/camo/options/format.h"
#include "examples/camo/record/process_memory.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

int terminal_width() {
  struct winsize size {};
  return ::ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

/// Whether standard output is a terminal that can redraw a line.
bool is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(1) && term && *term && std::string_view(term) != "dumb";
}

}  // namespace

void TimeLeft::at(double seconds, int64_t step) {
  recent_.emplace_back(seconds, step);
  while (recent_.size() > 2 && recent_.back().first - recent_.front().first > 60) recent_.pop_front();
}

double TimeLeft::until(int64_t steps) const {
  const auto [then, before] = recent_.front();
  const auto [now, step] = recent_.back();
  return double(steps - step) * (now - then) / double(std::max<int64_t>(step - before, 1));
}

Progress::Progress(int64_t epochs, int64_t steps, int64_t done, Device device)
    : terminal_(is_terminal()), epochs_(epochs), steps_(steps), left_(done), device_(device), start_(Clock::now()) {}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count() - paused_; }

void Progress::pause() { pause_start_ = Clock::now(); }

void Progress::resume() { paused_ += std::chrono::duration<double>(Clock::now() - pause_start_).count(); }

void Progress::step(int64_t epoch, int64_t step, double loss, double rate, int64_t images) {
  double now = seconds();
  epoch_ = epoch;
  speed_ = double(images) / std::max(now, 1e-9);
  left_.at(now + paused_, step);
  if (now - last_print_ < (terminal_ ? 0.2 : 10)) return;
  last_print_ = now;
  std::string words = text("epoch ", epoch, "/", epochs_, "  step ", step, "/", steps_, "  loss ", fixed(loss, 4),
                           "  lr ", formatted("%.2e", rate), "  ", fixed(speed_, 1), " img/s  eta ",
                           clock_text(left_.until(steps_)), "  mem ", bytes_text(double(memory_in_use(device_))));
  if (terminal_) std::printf("\r%.*s\033[K", terminal_width() - 1, words.c_str());  // a wrapped line cannot be redrawn
  else std::printf("%s\n", words.c_str());
  std::fflush(stdout);
  drawn_ = terminal_;
}

void Progress::keep_warnings(const std::string& file, int64_t epoch) {
  warnings_ = file;
  std::string kept;
  std::ifstream before(file);
  for (std::string line; std::getline(before, line);) {
    long long of = 0;
    const bool has_epoch = std::sscanf(line.c_str(), "epoch %lld: ", &of) == 1;
    if (of <= epoch) kept += line + "\n";
    if (!has_epoch) of_start_.push_back(line);
  }
  std::ofstream(file) << kept;
}

void Progress::keep(const std::string& words) {
  if (warnings_.empty()) return;
  if (epoch_ == 0 && std::find(of_start_.begin(), of_start_.end(), words) != of_start_.end()) return;
  std::ofstream(warnings_, std::ios::app) << (epoch_ > 0 ? text("epoch ", epoch_, ": ") : "") << words << '\n';
}

void Progress::line(const std::string& message) {
  constexpr std::string_view kWarning = "warning: ";
  if (message.starts_with(kWarning)) keep(message.substr(kWarning.size()));
  std::printf("%s%s\n", drawn_ ? "\r\033[K" : "", message.c_str());
  std::fflush(stdout);
  drawn_ = false;
}

}  // namespace camo::program
