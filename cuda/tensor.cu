// fill, and a test kernel that tells whether the GPU can run this build.
//
// In fill a thread writes 16 bytes at a time; bound by memory: the bytes of x.
#include "cuda/runtime.h"
#include "cuda/tools/map.cuh"
#include "tensor/tensor.h"

namespace camo {
namespace {

template <class T> __global__ void fill_kernel(T* x, int64_t n, T value) {
  constexpr int N = cuda::kPack<T>;
  cuda::Pack<T, N> pack;
  for (int j = 0; j < N; ++j) pack.at[j] = value;
  const int64_t packs = reinterpret_cast<uintptr_t>(x) % alignof(cuda::Pack<T, N>) == 0 ? n / N : 0;
  for (int64_t i = cuda::first_item(); i < packs; i += cuda::item_stride())
    reinterpret_cast<cuda::Pack<T, N>*>(x)[i] = pack;
  for (int64_t i = packs * N + cuda::first_item(); i < n; i += cuda::item_stride()) x[i] = value;
}

}  // namespace

namespace kernel {

void fill(Cuda where, Tensor x, double value) {
  with_any(x.dtype(), [&]<class T>() {
    T v;
    if constexpr (std::is_same_v<T, bf16>) v = bf16(float(value));
    else v = T(value);
    cuda::launch(where, "fill", cuda::blocks(x.numel(), cuda::kThreads * cuda::kPack<T>), cuda::kThreads, 0,
                 fill_kernel<T>, x.write<T>(), x.numel(), v);
  });
}

}  // namespace kernel

namespace cuda {

bool can_run() {
#ifdef __CUDACC__
  cudaFuncAttributes attributes{};
  const bool ok = cudaFuncGetAttributes(&attributes, fill_kernel<float>) == cudaSuccess;
  cudaGetLastError();
  return ok;
#else
  return true;
#endif
}

void poison(Cuda where, void* p, int64_t bytes) {
  bf16 value;
  value.bits = kPoison;
  launch(where, "poison", blocks(bytes / 2, kThreads * kPack<bf16>), kThreads, 0, fill_kernel<bf16>,
         static_cast<bf16*>(p), bytes / 2, value);
}

}  // namespace cuda
}  // namespace camo
