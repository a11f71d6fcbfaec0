// Dropout and drop-path on the CPU.
//
// No mask is stored: word i of a counter-based stream decides about element i, in the forward and the backward pass.
#include "tensor/ops/dropout.h"

#include "tensor/parallel.h"

namespace camo::kernel {
namespace {

/// y = x * factor if its word says keep, else 0 (even if x is NaN).
template <class T> void drop_run(const T* x, T* y, int64_t n, const uint32_t* words, Keep keep, acc_t<T> factor) {
  using A = acc_t<T>;
  for (int64_t i = 0; i < n; ++i) {
    const A kept = A(x[i]) * factor;
    y[i] = T(keep(words[i]) ? kept : A(0));
  }
}

constexpr int64_t kBatch = 1024;  // words generated at a time; a multiple of 4

}  // namespace

void dropout(Cpu, const Tensor& x, double p, const RandomKey& key, Tensor y) {
  with_float(x.dtype(), "dropout", [&]<class T>() {
    parallel_chunks(x.numel(), kGrain, [&, in = x.read<T>(), out = y.write<T>()](int64_t begin, int64_t end) {
      alignas(64) uint32_t words[kBatch];
      for (int64_t i = begin; i < end; i += kBatch) {
        const int64_t n = std::min(kBatch, end - i);
        philox(key, uint64_t(i / 4), (n + 3) / 4, words);
        drop_run(in + i, out + i, n, words, Keep(p), acc_t<T>(1 / (1 - p)));
      }
    });
  });
}

void drop_path(Cpu, const Tensor& x, double p, const RandomKey& key, Tensor y) {
  with_float(x.dtype(), "drop_path", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = x.shape().product(1, x.rank());
    const A factor = A(1 / (1 - p));
    parallel_chunks(x.numel(), kGrain, [&, in = x.read<T>(), out = y.write<T>()](int64_t begin, int64_t end) {
      while (begin < end) {
        const int64_t sample = begin / C, stop = std::min(end, (sample + 1) * C);
        if (Keep(p)(philox(key, uint64_t(sample / 4))[sample % 4]))
          for (int64_t i = begin; i < stop; ++i) out[i] = T(A(in[i]) * factor);
        else std::fill(out + begin, out + stop, T(A(0)));
        begin = stop;
      }
    });
  });
}

}  // namespace camo::kernel
