#include "tensor/parallel.h"

#include <omp.h>

#include <exception>
#include <thread>

namespace camo {
namespace {
int g_threads = 0;
const std::thread::id g_main = std::this_thread::get_id();  // static initialisation runs on the main thread
}  // namespace

void set_threads(int count) { g_threads = count > 0 ? count : 0; }
int threads() { return g_threads > 0 ? g_threads : omp_get_num_procs(); }

namespace detail {

void run_chunks(int64_t chunks, void (*body)(const void*, int64_t), const void* context) {
  int team = int(std::min<int64_t>(chunks, threads()));
  if (team <= 1 || omp_in_parallel() || std::this_thread::get_id() != g_main) {
    for (int64_t i = 0; i < chunks; ++i) body(context, i);
    return;
  }
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
