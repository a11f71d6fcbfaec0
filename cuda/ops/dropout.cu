// Dropout and drop-path on the GPU.  The same random words decide as on the CPU, so the mask has the same bits.
//
// A thread draws the words of its pack (4 per Philox block) and copies the pack: x is read once and y written once.
// Samples that are dropped are not read.  Bound by memory, which hides the ten rounds of Philox.
#include "cuda/tools/rows.cuh"
#include "tensor/ops/dropout.h"

namespace camo::kernel {
namespace {

using cuda::Pack;

/// Elements per thread: whole Philox blocks.
template <class T> constexpr int kElements = cuda::kPack<T> > 4 ? cuda::kPack<T> : 4;

template <class T>
__global__ void dropout_packs(const T* x, T* y, int64_t n, Keep keep, RandomKey key, acc_t<T> factor) {
  using A = acc_t<T>;
  constexpr int N = kElements<T>;
  for (int64_t i = cuda::first_item() * N; i < n; i += cuda::item_stride() * N) {
    bool kept[N];
    for (int block = 0; block < N / 4; ++block) {
      const std::array<uint32_t, 4> words = philox(key, uint64_t(i / 4 + block));
      for (int j = 0; j < 4; ++j) kept[block * 4 + j] = keep(words[j]);
    }
    if (i + N <= n) {
      Pack<A, N> v = cuda::load<N>(x + i);
      for (int j = 0; j < N; ++j) v.at[j] = kept[j] ? v.at[j] * factor : A(0);
      cuda::store(v, y + i);
    } else {
      for (int j = 0; j < N; ++j)
        if (i + j < n) y[i + j] = cuda::narrow<T>(kept[j] ? cuda::widen(x[i + j]) * factor : A(0));
    }
  }
}

/// The grid covers the C elements of a sample along x and the samples along y, so that a thread draws
/// once for many packs.
template <class T, int N>
__global__ void drop_path_samples(const T* x, T* y, int64_t B, int64_t C, Keep keep, RandomKey key, acc_t<T> factor) {
  using A = acc_t<T>;
  for (int64_t b = blockIdx.y; b < B; b += gridDim.y) {
    const bool kept = keep(philox(key, uint64_t(b / 4))[b % 4]);
    for (int64_t c = cuda::first_item() * N; c < C; c += cuda::item_stride() * N) {
      Pack<A, N> v{};
      if (kept) v = cuda::load<N>(x + b * C + c);
      for (A& e : v.at) e *= factor;
      cuda::store(v, y + b * C + c);
    }
  }
}

}  // namespace

void dropout(Cuda where, const Tensor& x, double p, const RandomKey& key, Tensor y) {
  with_float(x.dtype(), "dropout", [&]<class T>() {
    cuda::launch(where, "dropout", cuda::blocks(x.numel(), cuda::kThreads * kElements<T>), cuda::kThreads, 0,
                 dropout_packs<T>, x.read<T>(), y.write<T>(), x.numel(), Keep(p), key, 1 / (1 - p));
  });
}

void drop_path(Cuda where, const Tensor& x, double p, const RandomKey& key, Tensor y) {
  const int64_t B = x.dim(0), C = x.shape().product(1, x.rank());
  with_float(x.dtype(), "drop_path", [&]<class T>() {
    cuda::with_pack<T>(C, [&]<int N>() {
      // About 4096 blocks; small ones for small samples.
      const int threads = std::max(32, cuda::power_of_two_above(C / N, cuda::kThreads));
      const int64_t samples = std::min<int64_t>(B, 65535), most = 1 + 4096 / std::max<int64_t>(samples, 1);
      const int64_t wanted = (C + int64_t(threads) * N - 1) / (int64_t(threads) * N);
      cuda::launch(where, "drop_path", dim3(unsigned(std::min(wanted, most)), unsigned(samples)), threads, 0,
                   drop_path_samples<T, N>, x.read<T>(), y.write<T>(), B, C, Keep(p), key, 1 / (1 - p));
    });
  });
}

}  // namespace camo::kernel
