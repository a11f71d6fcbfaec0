// Tasks on threads of their own: what comes after a computation, such as the encoding of pictures.
//
// Read before: loader.h, which does what comes before.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace camo::program {

class Background {
 public:
  /// At most `waiting` tasks wait.  With 0 threads add() runs them.
  Background(int64_t threads, int64_t waiting);
  /// Waits for the tasks that run; those that wait are dropped.
  ~Background() { stop(); }
  Background(const Background&) = delete;

  /// Takes a task, once there is room.  Throws what an earlier task threw; that task's successors are dropped.
  void add(std::function<void()> task);
  /// Returns when all tasks are done.  Throws what one threw.
  void finish();

 private:
  void work();
  void stop();
  void rethrow();

  size_t waiting_;
  int64_t running_ = 0;
  bool stop_ = false;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable added_, done_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
};

}  // namespace camo::program
