#include "examples/camo/data/background.h"

#include <utility>

namespace camo::program {

Background::Background(int64_t threads, int64_t waiting) : waiting_(size_t(waiting)) {
  try {
    for (int64_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  } catch (...) {  // the system starts no more threads
    stop();
    throw;
  }
}

void Background::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  added_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void Background::rethrow() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Background::add(std::function<void()> task) {
  if (threads_.empty()) return task();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return tasks_.size() < waiting_ || failure_; });
  rethrow();
  tasks_.push_back(std::move(task));
  added_.notify_one();
}

void Background::finish() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return failure_ || (tasks_.empty() && running_ == 0); });
  rethrow();
}

void Background::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    added_.wait(lock, [&] { return stop_ || !tasks_.empty(); });
    if (stop_) return;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    ++running_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      task();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    --running_;
    if (failure) failure_ = failure, tasks_.clear();
    done_.notify_all();
  }
}

}  // namespace camo::program
