// C = act(A B + bias) for small B: the many small products of attention, and narrow layers.
//
// The packing, the tiles and the order of every sum are those of gemm.cpp, and so the bits are the same.  It omits what
// only pays off for large products: tables of rows on the heap, cuts of k, and parallel tasks when there are few rows.
#include <optional>

#include "tensor/cpu/kernels/gemm_panel.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"

namespace camo::kernel {
namespace {

constexpr int64_t kRows = 2 * kRowUnit;               // rows of A per block
constexpr int64_t kTable = kRows + 2 * kMaxTileRows;  // tiles read up to two tiles past the end
constexpr int64_t kTaskWork = 1 << 20;                // multiply-adds that are worth waking a thread

/// Scratch memory, on the stack if it fits, because the smallest products take less time than an allocation.
template <class T> class Buffer {
 public:
  explicit Buffer(int64_t count) {
    if (count > kOnStack) heap_.emplace(count), data_ = *heap_;
  }
  T* data() { return data_; }

 private:
  static constexpr int64_t kOnStack = 4096;
  T stack_[kOnStack];
  std::optional<Scratch<T>> heap_;
  T* data_ = stack_;
};

}  // namespace

template <class TA, class TB, class TC>
void multiply_small(int64_t M, int64_t N, int64_t K, const TA* a, int64_t lda, const Right<TB>& b, TC* c, int64_t ldc,
                    const Finish<acc_t<TC>>& finish) {
  using T = acc_t<TC>;
  constexpr bool kInPlace = std::is_same_v<T, TA>;
  const Panels<T> panels(N);
  const int64_t columns = panels.vectors * Vec<T>::size;
  Buffer<T> memory((K + 1) * columns);
  T *packed = memory.data(), *bias = nullptr;  // padded with zeros to whole vectors
  for (int64_t p = 0; p < panels.count; ++p) {
    const int64_t column = panels.column(p);
    auto* pack = b.trans == Trans::yes ? pack_panel_transposed<T, TB> : pack_panel<T, TB>;
    pack(b.data + (b.trans == Trans::yes ? column * b.ld : column), b.ld, K, N - column, panels.vecs(p),
         packed + column * K);
  }
  if (finish.bias && !finish.accumulate) {
    bias = packed + K * columns;
    std::fill(std::copy_n(finish.bias, N, bias), bias + columns, T(0));
  }
  const int64_t blocks = ceil_div(M, kRows);
  parallel_chunks(blocks, ceil_div(kTaskWork, kRows * K * N), [&](int64_t begin, int64_t end) {
    T part[kTable * kTileVecs * Vec<T>::size];
    Buffer<T> memory(kInPlace ? 0 : kRows * K);
    T* window = memory.data();  // rows converted to T
    const T* rows[kTable];
    TC* out[kTable];
    for (int64_t m = begin * kRows; m < std::min(end * kRows, M); m += kRows) {
      const int64_t count = std::min(kRows, M - m);
      for (int64_t i = 0; i < count + 2 * kMaxTileRows; ++i) {
        const int64_t row = std::min(i, count - 1);
        if constexpr (kInPlace) rows[i] = a + (m + row) * lda;
        else rows[i] = window + row * K;
        out[i] = c + (m + row) * ldc;
      }
      if constexpr (!kInPlace)
        for (int64_t i = 0; i < count; ++i) widen(a + (m + i) * lda, K, window + i * K);
      const Block<T, TC> block{count, kTable, rows, out, part, bias};
      for (int64_t p = 0; p < panels.count; ++p)
        with_width(panels.vecs(p), [&]<int V>() {
          const int64_t column = panels.column(p);
          panel_step<V>(block, Step{0, 0, 1, 0, K}, true, true, packed + column * K, column, N - column, finish);
        });
    }
  });
}

template void multiply_small(int64_t, int64_t, int64_t, const float*, int64_t, const Right<float>&, float*, int64_t,
                             const Finish<float>&);
template void multiply_small(int64_t, int64_t, int64_t, const double*, int64_t, const Right<double>&, double*, int64_t,
                             const Finish<double>&);
template void multiply_small(int64_t, int64_t, int64_t, const bf16*, int64_t, const Right<float>&, bf16*, int64_t,
                             const Finish<float>&);
template void multiply_small(int64_t, int64_t, int64_t, const bf16*, int64_t, const Right<bf16>&, bf16*, int64_t,
                             const Finish<float>&);

}  // namespace camo::kernel
