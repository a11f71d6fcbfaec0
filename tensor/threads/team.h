// The threads of parallel loops: one OpenMP parallel region that lasts as long as the process.
//
// With one region for each loop, libgomp would do the waiting: its threads spin for up to 14 milliseconds at the end of
// a region.  Beside other work that is slow, because the thread that spins holds the core that the thread it waits for
// needs: examples 04 and 05 took up to 200 times as long, unless OMP_WAIT_POLICY was set before the process began.
// Here a thread spins while it has its core for itself, and sleeps when the system has taken the core from it lately.
// The threads run until the process ends, so a shared library with this code cannot be unloaded.
// Read before: parallel.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace camo::detail {

/// A number that one thread waits for and others change.
class Signal {
 public:
  /// Waits until the number is `value`, or is not, and returns it: awake for some microseconds in any case and for 2 ms
  /// if alone, then asleep.
  uint32_t await(uint32_t value, bool equal);
  void add(uint32_t change);
  /// Sets it to 0 where no other thread can see it.
  void reset() { value_ = 0, asleep_ = false; }

 private:
  alignas(64) std::atomic<uint32_t> value_ = 0;
  std::atomic<bool> asleep_ = false;
};

class Team {
 public:
  /// The team of this process; it is never destroyed.
  static Team& get();
  /// True within the work of a member.
  static bool inside();

  /// Calls work(member, members) for each member at once; the caller is member 0.  Returns when all are done.  Starts
  /// the threads that are missing: std::system_error if the system starts no more.  OpenMP may give fewer than asked.
  template <class F> void run(int size, F& work) {
    run(
        size, [](void* f, int member, int members) { (*static_cast<F*>(f))(member, members); }, &work);
  }

 private:
  using Work = void (*)(void*, int member, int members);
  struct Member {
    Signal jobs;  // how many it has been given
  };

  Team();
  void run(int size, Work work, void* context);
  void grow(int more);
  void serve(Member& me, int number);

  std::vector<std::unique_ptr<Member>> members_;  // beside the caller
  Signal given_;                                  // threads that OpenMP has started
  Signal busy_;                                   // members that are not done
  Work work_ = nullptr;
  void* context_ = nullptr;
  int size_ = 0;
};

}  // namespace camo::detail
