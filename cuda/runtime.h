// The few calls into the CUDA runtime that are not kernels.  Bodies: gpu/runtime.cu, and emulate/runtime.cpp for a
// machine without a GPU.
#pragma once

#include <cstdint>
#include <string>

#include "tensor/device.h"

namespace camo::cuda {

struct Facts {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  int64_t memory = 0;  // bytes
};

/// Why device_count() is 0: no driver, no GPU, ...
int device_count(std::string* why_none = nullptr);
Facts facts(int index);
/// Whether the current device runs a kernel of this build; cuda/tensor.cu asks one.
bool can_run();
/// The architectures that this build has kernels for, as "80;90".
const char* built_for();

/// The compute stream of a device; made at the first call, checks then that the GPU can run this build's kernels.
void* stream(int index);
void synchronize(Cuda where);

/// The kernel that this thread launched last: where in the work an allocation failed.
inline thread_local const char* last_kernel = "none";

/// Device memory straight from the driver, nullptr when it has no more.
void* take(int64_t bytes);
void give_back(void* p) noexcept;
void poison(Cuda where, void* p, int64_t bytes);                        // fills with kPoison
void copy(Cuda where, const void* src, void* dst, int64_t bytes);       // on the device, returns at once
void upload(Cuda where, const void* host, void* dst, int64_t bytes);    // host may change when this returns
void download(Cuda where, const void* src, void* host, int64_t bytes);  // waits

}  // namespace camo::cuda
