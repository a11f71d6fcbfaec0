// A data loader: worker threads prepare items ahead and deliver them in a fixed order.
//
// Workers take the next position and may finish in any order; next() returns the items in order.  An item is a pure
// function of its number, so the number of workers does not change the items; with 0 workers next() makes them itself.
// At most `ahead` items wait.  A worker's exception is rethrown in place of its item.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "tensor/ops/augment.h"

namespace camo::program {

template <class T> class Loader {
 public:
  /// make(i) is called once for every i in order, from any thread.
  Loader(std::function<T(int64_t)> make, std::vector<int64_t> order, int64_t workers, int64_t ahead)
      : make_(std::move(make)), order_(std::move(order)), ahead_(size_t(ahead + workers)) {
    try {
      for (int64_t i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {  // the system starts no more threads
      stop();
      throw;
    }
  }
  ~Loader() { stop(); }
  Loader(const Loader&) = delete;

  /// The next item; empty at the end.
  std::optional<T> next() {
    if (taken_ == order_.size()) return {};
    if (workers_.empty()) return make_(order_[taken_++]);
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return done_.count(taken_) > 0; });
    Slot slot = std::move(done_.extract(taken_++).mapped());
    lock.unlock();
    room_.notify_all();
    if (slot.error) std::rethrow_exception(slot.error);
    return std::move(slot.item);
  }

 private:
  void stop() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    for (std::thread& w : workers_) w.join();
  }

  struct Slot {
    std::optional<T> item;
    std::exception_ptr error;
  };

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      room_.wait(lock, [&] { return stop_ || started_ == order_.size() || started_ < taken_ + ahead_; });
      if (stop_ || started_ == order_.size()) return;
      size_t position = started_++;
      lock.unlock();
      Slot slot;
      try {
        slot.item = make_(order_[position]);
      } catch (...) {
        slot.error = std::current_exception();
      }
      lock.lock();
      done_[position] = std::move(slot);
      ready_.notify_one();
    }
  }

  std::function<T(int64_t)> make_;
  std::vector<int64_t> order_;
  size_t ahead_, taken_ = 0, started_ = 0;  // positions returned by next(), and given to workers
  bool stop_ = false;
  std::mutex mutex_;
  std::condition_variable room_, ready_;
  std::map<size_t, Slot> done_;
  std::vector<std::thread> workers_;
};

/// 0 ... n-1, in order or shuffled; the shuffle is a function of (seed, epoch) alone.  Another `call`, another shuffle.
std::vector<int64_t> in_order(int64_t n);
std::vector<int64_t> shuffled(int64_t n, uint64_t seed, int64_t epoch, uint32_t call = 0);

/// Those of 0 ... n-1 that belong to process `rank` of `count`: one of `count` contiguous parts.
std::vector<int64_t> share_of(int64_t n, int64_t rank, int64_t count);

/// Stacks tensors of one shape along a new leading axis.
Tensor stack(const std::vector<Tensor>& parts);

/// An item of the loader: bytes, and the changes to be made on the device.
struct RawSample {
  Tensor image, mask;  // (H, W, 3) and (H, W, 1) u8
  PictureChange change;
};
/// The input of training.
struct Sample {
  Tensor image;  // (H, W, 3) f32, normalised; with a leading axis B in a batch
  Tensor mask;   // (H, W, 1) f32, 0 or 1
};
/// A batch on the device, where the changes are made.
Sample prepare(const std::vector<RawSample>& samples, Device device, const Normalisation& normalisation = {});
/// A batch of up to n samples; empty at the end.
std::optional<Sample> next_batch(Loader<RawSample>& loader, int64_t n, Device device,
                                 const Normalisation& normalisation = {});

}  // namespace camo::program
