// Processes as threads of one process, so that a test needs no launcher.
#pragma once

#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "tensor/processes.h"

namespace camo::test {

/// Where messages wait, in order for each pair.
struct Post {
  std::mutex mutex;
  std::condition_variable arrived;
  std::map<std::pair<int, int>, std::deque<std::string>> messages;  // of (from, to)
};

class ThreadProcess : public Processes {
 public:
  ThreadProcess(Post& post, int rank, int count) : post_(post) {
    rank_ = rank, count_ = count;
    hosts_.assign(size_t(count), "here");
  }
  void send(int to, const void* data, int64_t bytes) override {
    std::lock_guard lock(post_.mutex);
    post_.messages[{rank_, to}].emplace_back(static_cast<const char*>(data), size_t(bytes));
    bytes_sent += bytes;
    post_.arrived.notify_all();
  }
  void receive(int from, void* data, int64_t bytes) override { wanted_.push_back({from, data, bytes}); }
  void poll() override {}
  void tell_at_work() override {}
  void finish() override {
    for (const Wanted& w : wanted_) {
      std::unique_lock lock(post_.mutex);
      std::deque<std::string>& queue = post_.messages[{w.from, rank_}];
      check<ProcessError>(
          post_.arrived.wait_for(lock, std::chrono::duration<double>(deadline), [&] { return !queue.empty(); }),
          "nothing has come from ", name(w.from));
      check<ProcessError>(int64_t(queue.front().size()) == w.bytes, "a message of ", queue.front().size(),
                          " bytes came where one of ", w.bytes, " was expected");
      std::memcpy(w.data, queue.front().data(), queue.front().size());
      queue.pop_front();
    }
    wanted_.clear();
  }
  void fail(const std::string&, int) noexcept override {}

 private:
  struct Wanted {
    int from;
    void* data;
    int64_t bytes;
  };
  Post& post_;
  std::vector<Wanted> wanted_;
};

/// Runs body(processes) in `count` threads.  What the first of them throws is rethrown.
inline void run_processes(int count, const std::function<void(Processes&)>& body) {
  Post post;
  std::vector<std::exception_ptr> errors(static_cast<size_t>(count));
  std::vector<std::thread> threads;
  for (int r = 0; r < count; ++r)
    threads.emplace_back([&, r] {
      ThreadProcess me(post, r, count);
      me.deadline = 20;
      try {
        body(me);
      } catch (...) {
        errors[size_t(r)] = std::current_exception();
      }
    });
  for (std::thread& t : threads) t.join();
  for (const std::exception_ptr& e : errors)
    if (e) std::rethrow_exception(e);
}

}  // namespace camo::test
