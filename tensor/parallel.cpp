#include "tensor/parallel.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <latch>
#include <string>
#include <thread>

namespace camo {
namespace {
int g_threads = 0;
const std::thread::id g_main = std::this_thread::get_id();  // static initialisation runs on the main thread
}  // namespace

void set_threads(int count) { g_threads = count > 0 ? count : 0; }

namespace {
/// The path of this process's control group, as "/a/b"; empty for the root.
std::string own_group() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::/")) return line.size() == 4 ? "" : line.substr(3);
  return "";
}
}  // namespace

int threads() {
  static const int cores = detail::usable_cores(omp_get_num_procs(), std::getenv("OMP_NUM_THREADS"),
                                                detail::cpu_quota("/sys/fs/cgroup", own_group()));
  return g_threads > 0 ? g_threads : cores;
}

namespace detail {

int usable_cores(int processors, const char* omp_num_threads, double quota) {
  int out = processors;
  const int asked = omp_num_threads ? std::atoi(omp_num_threads) : 0;
  if (asked > 0) out = std::min(out, asked);
  if (quota > 0) out = std::min(out, int(std::ceil(quota)));
  return std::max(out, 1);
}

double cpu_quota(const std::string& root, const std::string& group_of_process) {
  double least = 0;
  // Version 2 has one file, "QUOTA PERIOD" or "max PERIOD", in the group and in each of its parents.
  for (std::string group = group_of_process;; group = group.substr(0, group.rfind('/'))) {
    std::ifstream file(root + group + "/cpu.max");
    double quota = 0, period = 0;
    if (file >> quota >> period && quota > 0 && period > 0)
      least = least > 0 ? std::min(least, quota / period) : quota / period;
    if (group.empty()) break;
  }
  std::ifstream quota_file(root + "/cpu/cpu.cfs_quota_us"), period_file(root + "/cpu/cpu.cfs_period_us");
  double quota = 0, period = 0;  // version 1; -1: no limit
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) least = quota / period;
  return least;
}

/// Starts `count` threads and ends them.  libgomp ends the whole process when the system starts no more; std::thread
/// throws std::system_error.
void try_threads(int count) {
  std::vector<std::thread> all;
  std::latch begin(1);
  std::exception_ptr failure;
  try {
    for (int i = 0; i < count; ++i) all.emplace_back([&] { begin.wait(); });
  } catch (...) {
    failure = std::current_exception();
  }
  begin.count_down();
  for (std::thread& t : all) t.join();
  if (failure) std::rethrow_exception(failure);
}

void run_chunks(int64_t chunks, void (*body)(const void*, int64_t), const void* context) {
  int team = int(std::min<int64_t>(chunks, threads()));
  if (team <= 1 || omp_in_parallel() || std::this_thread::get_id() != g_main) {
    for (int64_t i = 0; i < chunks; ++i) body(context, i);
    return;
  }
  static int proven = 1;
  if (team > proven) try_threads(team - 1), proven = team;
  std::exception_ptr failure;  // must not leave a parallel region: the first is rethrown after it
#pragma omp parallel num_threads(team)
  {
    int64_t me = omp_get_thread_num(), team_now = omp_get_num_threads();
    try {
      for (int64_t i = chunks * me / team_now; i < chunks * (me + 1) / team_now; ++i) body(context, i);
    } catch (...) {
#pragma omp critical
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail
}  // namespace camo
