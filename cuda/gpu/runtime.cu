// Implements cuda/runtime.h with the CUDA runtime, and checks launches.  This file is host code without kernels.
//
// Every call that fails throws DeviceError with what was asked for and the runtime's message.
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "cuda/runtime.h"
#include "cuda/tools/launch.cuh"

namespace camo::cuda {
namespace {

template <class... Facts> void require(cudaError_t status, const Facts&... facts) {
  if (status != cudaSuccess) cudaGetLastError();  // clear the error, so that the next launch does not report it again
  check<DeviceError>(status == cudaSuccess, facts..., ", got ", cudaGetErrorName(status), ": ",
                     cudaGetErrorString(status));
}

cudaStream_t of(Cuda where) { return static_cast<cudaStream_t>(where.stream); }

constexpr int kMostDevices = 16, kStagingBuffers = 8;
constexpr int64_t kStagingBytes = int64_t(4) << 20;

/// Pinned buffers, used in turn.  A copy waits in the stream behind earlier work; with several buffers an upload need
/// not wait for that copy.
struct Staging {
  std::mutex mutex;
  std::array<void*, kStagingBuffers> buffer{};
  std::array<cudaEvent_t, kStagingBuffers> done{};
  int next = 0;

  void* wait_for_next() {
    if (!buffer[next]) {
      require(cudaHostAlloc(&buffer[next], size_t(kStagingBytes), cudaHostAllocDefault), "cuda: no pinned memory of ",
              kStagingBytes, " bytes");
      require(cudaEventCreateWithFlags(&done[next], cudaEventDisableTiming), "cuda: no event");
    } else {
      require(cudaEventSynchronize(done[next]), "cuda: a copy to the device failed");
    }
    return buffer[next];
  }
};

Staging& staging(int index) {
  static auto* all = new std::array<Staging, kMostDevices>;
  return (*all)[size_t(index)];
}

}  // namespace

int device_count(std::string* why_none) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return std::min(count, kMostDevices);
  cudaGetLastError();  // clear the error, so that the next launch does not report it
  if (why_none)
    *why_none = status == cudaErrorInsufficientDriver ? "no driver, or one older than this build's CUDA"
                : status == cudaSuccess || status == cudaErrorNoDevice ? "no GPU"
                                                                       : cudaGetErrorString(status);
  return 0;
}

Facts facts(int index) {
  cudaDeviceProp p{};
  require(cudaGetDeviceProperties(&p, index), "cuda: device ", index);
  return {p.name, p.major, p.minor, p.multiProcessorCount, int64_t(p.totalGlobalMem)};
}

const char* built_for() { return CAMO_CUDA_ARCHITECTURES; }

void* stream(int index) {
  static std::mutex mutex;
  static std::array<cudaStream_t, kMostDevices> streams{};
  std::lock_guard lock(mutex);
  cudaStream_t& s = streams[size_t(index)];
  require(cudaSetDevice(index), "cuda: device ", index);
  if (!s) {
    const Facts f = facts(index);
    check<DeviceError>(can_run(), "cuda: this build has kernels for ", built_for(), ", ", f.name, " needs ", f.major,
                       f.minor, " [configure with -DCAMO_CUDA_ARCHITECTURES=", f.major, f.minor, "]");
    require(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), "cuda: no stream on device ", index);
  }
  return s;
}

void synchronize(Cuda where) {
  require(cudaStreamSynchronize(of(where)), "cuda: work on the device failed, one of the kernels ",
          recent_kernels.text(), " or one before [CAMO_CUDA_SYNC=1 names it]");
}

void* second_stream(int index) {
  stream(index);  // checks the device
  cudaStream_t s = nullptr;
  require(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), "cuda: no second stream on device ", index);
  return s;
}

void follow(void* later, void* earlier) {
  cudaEvent_t now = nullptr;
  require(cudaEventCreateWithFlags(&now, cudaEventDisableTiming), "cuda: no event");
  require(cudaEventRecord(now, static_cast<cudaStream_t>(earlier)), "cuda: no event");
  require(cudaStreamWaitEvent(static_cast<cudaStream_t>(later), now), "cuda: a stream cannot wait");
  cudaEventDestroy(now);  // once it has happened
}

bool idle(void* stream) {
  const cudaError_t status = cudaStreamQuery(static_cast<cudaStream_t>(stream));
  if (status != cudaErrorNotReady) require(status, "cuda: a message failed");
  return status == cudaSuccess;
}

void* take(int64_t bytes) {
  void* p = nullptr;
  const cudaError_t status = cudaMalloc(&p, size_t(bytes));
  if (status == cudaErrorMemoryAllocation) return cudaGetLastError(), nullptr;
  // Any other error is that of an earlier kernel, which shows here.
  require(status, "cuda: memory of ", bytes, " bytes after the kernels ", recent_kernels.text());
  return p;
}

void give_back(void* p) noexcept {
  cudaFree(p);  // waits for kernels that still read it
  cudaGetLastError();
}

void copy(Cuda where, const void* src, void* dst, int64_t bytes) {
  if (bytes)
    require(cudaMemcpyAsync(dst, src, size_t(bytes), cudaMemcpyDeviceToDevice, of(where)), "cuda: copy of ", bytes,
            " bytes");
}

void upload(Cuda where, const void* host, void* dst, int64_t bytes) {
  Staging& s = staging(where.index);
  std::lock_guard lock(s.mutex);
  for (int64_t at = 0; at < bytes; at += kStagingBytes, s.next = (s.next + 1) % kStagingBuffers) {
    const size_t n = size_t(std::min(kStagingBytes, bytes - at));
    void* pinned = s.wait_for_next();
    std::memcpy(pinned, static_cast<const char*>(host) + at, n);
    require(cudaMemcpyAsync(static_cast<char*>(dst) + at, pinned, n, cudaMemcpyHostToDevice, of(where)),
            "cuda: copy of ", bytes, " bytes to the device");
    require(cudaEventRecord(s.done[s.next], of(where)), "cuda: event");
  }
}

void download(Cuda where, const void* src, void* host, int64_t bytes) {
  if (bytes)
    require(cudaMemcpyAsync(host, src, size_t(bytes), cudaMemcpyDeviceToHost, of(where)), "cuda: copy of ", bytes,
            " bytes from the device");
  synchronize(where);
}

void check_launch(const char* name, dim3 grid, dim3 block, size_t shared) {
  const bool legal = grid.y <= 65535 && grid.z <= 65535 && grid.x <= 0x7fffffffu &&
                     block.x * block.y * block.z <= 1024 && block.x * block.y * block.z % 32 == 0;
  check<DeviceError>(
      legal, "kernel '", name, "': grid y and z are at most 65535, blocks whole warps up to 1024, got grid (", grid.x,
      ", ", grid.y, ", ", grid.z, "), block (", block.x, ", ", block.y, ", ", block.z, "), shared bytes ", shared);
}

void after_launch(Cuda where, const char* name, dim3 grid, dim3 block) {
  static const bool wait = [] {
    const char* e = std::getenv("CAMO_CUDA_SYNC");
    return e && *e == '1';
  }();
  cudaError_t status = cudaGetLastError();
  if (status == cudaSuccess && wait) status = cudaStreamSynchronize(of(where));
  require(status, "kernel '", name, "': grid (", grid.x, ", ", grid.y, ", ", grid.z, "), block (", block.x, ", ",
          block.y, ", ", block.z, ")");
}

void allow_shared(const void* kernel, const char* name, size_t shared) {
  struct Allowed {
    int device;
    const void* kernel;
    auto operator<=>(const Allowed&) const = default;
  };
  constexpr size_t kAlways = 48 * 1024;  // for a kernel's own arrays and the dynamic bytes together
  static std::mutex mutex;
  static auto* most = new std::map<Allowed, size_t>;  // dynamic bytes; never destroyed
  std::lock_guard lock(mutex);
  int device = 0;
  require(cudaGetDevice(&device), "kernel '", name, "': no device");
  auto [entry, fresh] = most->emplace(Allowed{device, kernel}, 0);
  if (fresh) {
    cudaFuncAttributes facts{};
    require(cudaFuncGetAttributes(&facts, kernel), "kernel '", name, "'");
    entry->second = kAlways - std::min(kAlways, facts.sharedSizeBytes);
  }
  if (shared <= entry->second) return;
  require(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared)), "kernel '", name,
          "': ", shared, " bytes of shared memory");
  entry->second = shared;
}

}  // namespace camo::cuda

namespace camo {
void set_cuda_schedule(uint64_t) {}
}  // namespace camo
