#include "tensor/threads/team.h"

#include <linux/futex.h>
#include <omp.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <latch>
#include <thread>
#include <utility>

namespace camo::detail {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

thread_local bool t_inside = false;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Whether others want this thread's core.  The system counts how often it takes the core away.  After that the thread
/// is crowded for 8 ms, and twice as long each time that it happens again soon after, up to 256 ms.
struct Crowd {
  long switches = -1;
  Clock::duration pause = 8ms;
  Clock::time_point until{};

  /// Asks the system, which takes about as long as a short loop.
  bool ask(Clock::time_point now) {
    rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    if (usage.ru_nivcsw == switches) return now < until;
    const bool first = switches < 0, again = now < until + pause;
    switches = usage.ru_nivcsw;
    if (first) return false;
    pause = again ? std::min<Clock::duration>(2 * pause, 256ms) : Clock::duration(8ms);
    until = now + pause;
    return true;
  }
};
thread_local Crowd t_crowd;

}  // namespace

uint32_t Signal::await(uint32_t value, bool equal) {
  uint32_t now = 0;
  auto done = [&] { return ((now = value_.load()) == value) == equal; };
  for (int i = 0; i < 100; ++i, relax())
    if (done()) return now;
  const Clock::time_point begin = Clock::now();
  bool asked = false;
  for (Clock::duration waited{}; begin >= t_crowd.until && waited < 2ms; waited = Clock::now() - begin) {
    for (int i = 0; i < 20; ++i, relax())
      if (done()) return now;
    if (waited > 50us && !std::exchange(asked, true) && t_crowd.ask(begin)) break;
  }
  // std::atomic::wait calls sched_yield before it sleeps, and beside other work each call costs a time slice.
  asleep_ = true;
  while (!done()) syscall(SYS_futex, &value_, FUTEX_WAIT_PRIVATE, now, nullptr, nullptr, 0);
  asleep_ = false;
  return now;
}

void Signal::add(uint32_t change) {
  value_ += change;
  if (asleep_) syscall(SYS_futex, &value_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

namespace {

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

}  // namespace

Team& Team::get() {
  static Team& team = *new Team;  // its threads outlive static objects
  return team;
}

bool Team::inside() { return t_inside; }

Team::Team() {
  // A child process has the forking thread alone: it starts its own team.
  pthread_atfork(nullptr, nullptr, [] {
    Team& team = get();
    for (auto& member : team.members_) member.release();
    team.members_.clear();
    team.given_.reset(), team.busy_.reset();
    t_inside = false;
  });
}

void Team::grow(int more) {
  try_threads(more);
  const size_t first = members_.size();
  for (int i = 0; i < more; ++i) members_.push_back(std::make_unique<Member>());
  try {
    std::thread([this, more, first] {
#pragma omp parallel num_threads(more)
      {
        Member& me = *members_[first + size_t(omp_get_thread_num())];
        const int number = int(first) + omp_get_thread_num() + 1;
#pragma omp barrier  // all have found their Member: the list may grow
#pragma omp master
        given_.add(uint32_t(omp_get_num_threads()));
        serve(me, number);
      }
    }).detach();
  } catch (...) {
    members_.resize(first);
    throw;
  }
  members_.resize(size_t(given_.await(uint32_t(first), false)));
}

void Team::serve(Member& me, int number) {
  t_inside = true;
  for (uint32_t jobs = 0;;) {
    jobs = me.jobs.await(jobs, false);
    work_(context_, number, size_);
    busy_.add(uint32_t(-1));
  }
}

void Team::run(int size, Work work, void* context) {
  if (const int missing = size - 1 - int(members_.size()); missing > 0) grow(missing);
  size_ = std::min(size, 1 + int(members_.size()));
  work_ = work, context_ = context;
  busy_.add(uint32_t(size_ - 1));
  for (int i = 0; i + 1 < size_; ++i) members_[size_t(i)]->jobs.add(1);
  t_inside = true;
  work(context, 0, size_);
  t_inside = false;
  busy_.await(0, true);
}

}  // namespace camo::detail
