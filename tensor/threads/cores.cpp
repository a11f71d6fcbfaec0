// How many cores this process may use.
#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tensor/parallel.h"

namespace camo {
namespace {
/// The path of this process's control group, as "/a/b"; empty for the root.
std::string own_group() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::/")) return line.size() == 4 ? "" : line.substr(3);
  return "";
}
}  // namespace

namespace detail {

double own_quota() { return cpu_quota("/sys/fs/cgroup", own_group()); }

int cores() {
  static const int all = usable_cores(omp_get_num_procs(), std::getenv("OMP_NUM_THREADS"), own_quota());
  return all;
}

std::string core_mask() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return "1";
  std::string out;
  for (int i = 0; i < CPU_SETSIZE; ++i) out += CPU_ISSET(i, &set) ? '1' : '0';
  return out.substr(0, out.find_last_of('1') + 1);
}

int share_of_cores(const std::vector<std::string>& masks, size_t me, double quota) {
  double share = 0;
  for (size_t core = 0; core < masks[me].size(); ++core) {
    if (masks[me][core] != '1') continue;
    share += 1 / double(std::count_if(masks.begin(), masks.end(), [&](const std::string& mask) {
               return core < mask.size() && mask[core] == '1';
             }));
  }
  if (quota > 0) share = std::min(share, quota / double(masks.size()));
  return std::max(1, int(share + 1e-9));
}

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

}  // namespace detail
}  // namespace camo
