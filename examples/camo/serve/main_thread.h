// Lets the threads that answer requests compute on the main thread: parallel loops use all threads there, and run on
// one elsewhere (tensor/parallel.h).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <utility>

namespace camo::program {

class MainThread {
 public:
  /// Runs f on the thread that is in serve() and waits; what f throws comes back.  One caller at a time.
  void call(const std::function<void()>& f) {
    std::packaged_task<void()> task(f);
    std::future<void> done = task.get_future();
    {
      const std::lock_guard lock(mutex_);
      task_ = &task;
    }
    given_.notify_one();
    done.get();
  }

  /// Runs what call() brings, until finished() is true; it is asked every tenth of a second.
  void serve(const std::function<bool()>& finished) {
    while (!finished()) {
      std::unique_lock lock(mutex_);
      given_.wait_for(lock, std::chrono::milliseconds(100), [&] { return task_ != nullptr; });
      auto* task = std::exchange(task_, nullptr);
      lock.unlock();
      if (task) (*task)();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable given_;
  std::packaged_task<void()>* task_ = nullptr;
};

}  // namespace camo::program
