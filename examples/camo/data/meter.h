// How far a long task is, on a terminal.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "tensor/processes.h"

namespace camo::program {

/// Shows "checking the data: 400 of 936" on standard error, once a second, if that is a terminal.  Tells other processes
/// that this one is at work.
class Meter {
 public:
  Meter(std::string what, int64_t all) : what_(std::move(what)), all_(all) {}
  ~Meter() {
    if (shown_) std::fprintf(stderr, "\r%60s\r", "");
  }
  Meter(const Meter&) = delete;

  void operator()(int64_t done) {
    at_work();
    const auto now = std::chrono::steady_clock::now();
    if (!::isatty(2) || now - last_ < std::chrono::seconds(1)) return;
    last_ = now, shown_ = true;
    std::fprintf(stderr, "\r%s: %lld of %lld", what_.c_str(), (long long)done, (long long)all_);
  }

 private:
  std::string what_;
  int64_t all_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace camo::program
