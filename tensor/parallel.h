// Parallel loops.  The threads are those of threads/team.h, the only place that uses OpenMP.
//
// Work is cut into chunks whose boundaries depend on sizes alone, never on the number of threads, and each thread takes
// contiguous chunks.  So every result has the same bits for any number of threads.  A call from inside a parallel
// loop, or from a thread other than the main thread (a loader's worker, say), runs serially.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace camo {

/// Sets the number of threads for parallel loops; 0 means as many as this process may use.  Call it from the main
/// thread.
void set_threads(int count);
/// The number set, or else the least of: cores that this process may run on, OMP_NUM_THREADS, and the container's
/// quota.
int threads();

/// What set_threads(0) means from now on; 0: again the least of the three.  For processes that share a host.
void set_default_threads(int count);

namespace detail {
/// The cores that this process may use.
int cores();
/// The share of process `me`: a core that k of these processes may run on counts 1/k, and they divide the quota; at least
/// 1.  masks: a '1' for each core that the process may run on.
int share_of_cores(const std::vector<std::string>& masks, size_t me, double quota = 0);
/// The quota of this process's control group, in cores; 0: none.
double own_quota();
/// The mask of this process.
std::string core_mask();
/// The least of the three, at least 1; `quota` in cores, 0: none.
int usable_cores(int processors, const char* omp_num_threads, double quota);
/// The quota of a Linux control group, in cores; 0: none.  `root` is where control groups are mounted, `group` the
/// path of one below it ("/a/b", or "" for the root).  Reads cpu.max (version 2) of the group and its parents, or
/// version 1's files.
double cpu_quota(const std::string& root, const std::string& group);
/// Runs body(context, chunk) for chunk in [0, chunks), on all threads where allowed.
void run_chunks(int64_t chunks, void (*body)(const void*, int64_t), const void* context);
}  // namespace detail

/// Cuts [0, n) into pieces of `grain` and calls f(begin, end) for each.
template <class F> void parallel_chunks(int64_t n, int64_t grain, const F& f) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  struct Context {
    const F& f;
    int64_t n, grain;
  } context{f, n, grain};
  detail::run_chunks((n + grain - 1) / grain,
                     [](const void* p, int64_t i) {
                       const auto& c = *static_cast<const Context*>(p);
                       c.f(i * c.grain, std::min(c.n, (i + 1) * c.grain));
                     },
                     &context);
}

/// The elements (roughly, the flops) that make a chunk worth a thread.
constexpr int64_t kGrain = 16384;

/// Calls f(i) for i in [0, n); `cost` is the number of elements that one call touches.
template <class F> void parallel_for(int64_t n, int64_t cost, const F& f) {
  parallel_chunks(n, kGrain / std::max<int64_t>(cost, 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

/// Sums part(begin, end) over pieces of `grain`, added as a fixed tree: ((p0+p1)+(p2+p3))+...
template <class A, class F> A parallel_sum(int64_t n, int64_t grain, const F& part) {
  grain = std::max<int64_t>(grain, 1);
  std::vector<A> parts(std::max<int64_t>((n + grain - 1) / grain, 1), A(0));
  parallel_chunks(n, grain, [&](int64_t begin, int64_t end) { parts[begin / grain] = part(begin, end); });
  for (size_t step = 1; step < parts.size(); step *= 2)
    for (size_t i = 0; i + step < parts.size(); i += 2 * step) parts[i] += parts[i + step];
  return parts[0];
}

}  // namespace camo
