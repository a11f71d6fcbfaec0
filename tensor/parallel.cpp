#include "tensor/parallel.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include "tensor/threads/team.h"

namespace camo {
namespace {
int g_threads = 0, g_default = 0;
const std::thread::id g_main = std::this_thread::get_id();  // static initialisation runs on the main thread
}  // namespace

void set_threads(int count) { g_threads = count > 0 ? count : 0; }
int threads() { return g_threads > 0 ? g_threads : g_default > 0 ? g_default : detail::cores(); }
void set_default_threads(int count) { g_default = count; }

namespace detail {

void run_chunks(int64_t chunks, void (*body)(const void*, int64_t), const void* context) {
  const int size = int(std::min<int64_t>(chunks, threads()));
  if (size <= 1 || Team::inside() || std::this_thread::get_id() != g_main) {
    for (int64_t i = 0; i < chunks; ++i) body(context, i);
    return;
  }
  std::exception_ptr failure;  // must not leave a member's work: the first is rethrown after it
  std::mutex one_at_a_time;
  auto work = [&](int64_t member, int64_t members) {
    try {
      for (int64_t i = chunks * member / members; i < chunks * (member + 1) / members; ++i) body(context, i);
    } catch (...) {
      const std::lock_guard lock(one_at_a_time);
      if (!failure) failure = std::current_exception();
    }
  };
  Team::get().run(size, work);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail
}  // namespace camo
