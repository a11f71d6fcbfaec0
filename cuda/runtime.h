// The calls into the CUDA runtime that are not kernels.  Implemented by gpu/runtime.cu, and by emulate/runtime.cpp for
// a machine without a GPU.
#pragma once

#include <cstdint>
#include <string>

#include "tensor/device.h"

namespace camo::cuda {

struct Facts {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  int64_t memory = 0;  // in bytes
};

/// The number of GPUs; if it is 0, *why_none says why (no driver, no GPU, ...).
int device_count(std::string* why_none = nullptr);
Facts facts(int index);
/// True if the current device can run a kernel of this build; cuda/tensor.cu tries one.
bool can_run();
/// The architectures that this build has kernels for, such as "80;90".
const char* built_for();

/// The compute stream of a device.  The first call creates it and checks that the GPU can run this build's kernels.
void* stream(int index);
void synchronize(Cuda where);
/// Another stream of the device, for messages between processes.
void* second_stream(int index);
/// Work that is put on stream `later` from now on waits for what is on stream `earlier` now.
void follow(void* later, void* earlier);
/// True if all work of the stream is done.
bool idle(void* stream);

/// The kernels that this thread launched last, for errors that show only later.
class RecentKernels {
 public:
  void add(const char* name) { names_[next_++ % kKept] = name; }
  /// "softmax, binary, cast", the last one first; "none" before the first.
  std::string text() const {
    std::string out;
    for (size_t i = next_; i > 0 && next_ - i < kKept; --i)
      out += std::string(out.empty() ? "" : ", ") + names_[(i - 1) % kKept];
    return out.empty() ? "none" : out;
  }

 private:
  static constexpr size_t kKept = 8;
  const char* names_[kKept] = {};
  size_t next_ = 0;
};
inline thread_local RecentKernels recent_kernels;

/// Device memory straight from the driver, or nullptr when it has no more.
void* take(int64_t bytes);
void give_back(void* p) noexcept;
void poison(Cuda where, void* p, int64_t bytes);                        // fills with kPoison
void copy(Cuda where, const void* src, void* dst, int64_t bytes);       // within the device; returns at once
void upload(Cuda where, const void* host, void* dst, int64_t bytes);    // host may be changed after it returns
void download(Cuda where, const void* src, void* host, int64_t bytes);  // waits for the copy

}  // namespace camo::cuda
