// Choosing and ordering rows on the GPU, without a round trip to the host and without float atomics.
//
// Adjoints gather: a stable sort of the indices lists, for every row of x, the rows of dy that it receives.  Each row
// of the gradient is written once and summed in ascending order.  An index outside its range is not reported here: its
// result has all bits set (NaN, -1, 255), and adjoints ignore it.
// Row kernels are bound by memory: everything is read and written once, 16 bytes per thread if rows are whole packs.
#include "cuda/kernels/fold.cuh"
#include "cuda/kernels/sort.cuh"
#include "cuda/tools/raw_bytes.cuh"
#include "tensor/ops/index.h"

namespace camo::kernel {
namespace {

using cuda::Best, cuda::Pack, cuda::kPack, cuda::kThreads;

int64_t row_length(const Tensor& x) { return x.shape().product(1, x.rank()); }
template <class T> CAMO_HD int64_t packs(int64_t C) { return (C + kPack<T> - 1) / kPack<T>; }

__device__ bool within(int64_t i, int64_t limit) { return uint64_t(i) < uint64_t(limit); }

// ---- rows ---------------------------------------------------------------------------------------------------

template <class W>
__global__ void gather_words(const W* x, const int64_t* index, int64_t rows, int64_t n, int64_t width, W* y) {
  for (int64_t i = cuda::first_item(); i < n; i += cuda::item_stride()) {
    const int64_t row = i / width, from = index[row];
    y[i] = within(from, rows) ? x[from * width + (i - row * width)] : cuda::all_bits<W>();
  }
}

/// dx[r] = sum of dy[i] over the list of r; a thread sums one pack of columns.
template <class T>
__global__ void sum_lists(const T* dy, const int64_t* begin, const int64_t* order, int64_t rows, int64_t C,
                          bool aligned, T* dx) {
  constexpr int N = kPack<T>;
  for (int64_t i = cuda::first_item(); i < rows * packs<T>(C); i += cuda::item_stride()) {
    const int64_t r = i / packs<T>(C), c = i % packs<T>(C) * N;
    acc_t<T> sum[N] = {};
    for (int64_t at = begin[r]; at < begin[r + 1]; ++at) {
      const Pack<T, N> pack = cuda::load_pack<N>(dy + order[at] * C + c, C - c, aligned);
      for (int j = 0; j < N; ++j) sum[j] += cuda::widen(pack.at[j]);
    }
    Pack<T, N> out;
    for (int j = 0; j < N; ++j) out.at[j] = T(sum[j]);
    cuda::store_pack<N>(out, dx + r * C + c, C - c, aligned);
  }
}

/// y[b] = sum_k weight[b, k] rows[position[b, k]]; a thread sums one pack of columns.
template <class T, class A = acc_t<T>>
__global__ void combine_packs(const T* rows, const int64_t* position, const A* weight, int64_t R, int64_t B, int64_t K,
                              int64_t C, bool aligned, T* y) {
  constexpr int N = kPack<T>;
  for (int64_t i = cuda::first_item(); i < B * packs<T>(C); i += cuda::item_stride()) {
    const int64_t b = i / packs<T>(C), c = i % packs<T>(C) * N;
    A sum[N] = {};
    for (int64_t k = b * K; k < (b + 1) * K; ++k) {
      const bool good = within(position[k], R);
      const A w = good ? weight[k] : std::numeric_limits<A>::quiet_NaN();
      const T* row = rows + (good ? position[k] * C + c : 0);
      const Pack<T, N> pack = cuda::load_pack<N>(row, good ? C - c : 0, aligned);
      for (int j = 0; j < N; ++j) sum[j] += cuda::widen(pack.at[j]) * w;
    }
    Pack<T, N> out;
    for (int j = 0; j < N; ++j) out.at[j] = T(sum[j]);
    cuda::store_pack<N>(out, y + b * C + c, C - c, aligned);
  }
}

constexpr int64_t kPiece = 8192;  // columns per block

/// One block per row and piece of its columns computes both gradients.  dots (B K, pieces) are partial sums of dweight.
/// A row that nobody read gets zeros.
template <class T, class A = acc_t<T>>
__global__ void combine_gradients(const T* dy, const T* rows, const A* weight, const int64_t* begin,
                                  const int64_t* order, int64_t R, int64_t K, int64_t C, int64_t pieces, bool aligned,
                                  T* drows, A* dots) {
  constexpr int N = kPack<T>;
  for (int64_t task = blockIdx.x; task < R * pieces; task += gridDim.x) {
    const int64_t r = task / pieces, piece = task % pieces, end = (piece + 1) * kPiece < C ? (piece + 1) * kPiece : C;
    const int64_t first = begin[r], last = begin[r + 1];
    for (int64_t at = first; at < last || at == first; ++at) {  // at least once
      const bool read = at < last;
      const int64_t i = read ? order[at] : 0;
      const A w = read ? weight[i] : A(0);
      const T* d_row = dy + (read ? i / K * C : 0);
      A dot = 0;
      for (int64_t c = piece * kPiece + int64_t(threadIdx.x) * N; c < end; c += int64_t(blockDim.x) * N) {
        const Pack<T, N> d = cuda::load_pack<N>(d_row + c, read ? end - c : 0, aligned && read);
        const Pack<T, N> x = cuda::load_pack<N>(rows + r * C + c, read ? end - c : 0, aligned && read);
        Pack<T, N> out;
        for (int j = 0; j < N; ++j) {
          dot += cuda::widen(d.at[j]) * cuda::widen(x.at[j]);
          out.at[j] = T(read ? cuda::widen(d.at[j]) * w : A(0));
        }
        if (at > first) {  // the row was used twice: the gradients add
          const Pack<T, N> before = cuda::load_pack<N>(drows + r * C + c, end - c, aligned);
          for (int j = 0; j < N; ++j) out.at[j] = T(cuda::widen(before.at[j]) + cuda::widen(out.at[j]));
        }
        cuda::store_pack<N>(out, drows + r * C + c, end - c, aligned);
      }
      dot = cuda::block_sum(dot);
      if (read && threadIdx.x == 0) dots[i * pieces + piece] = dot;
    }
  }
}

// ---- along rows ---------------------------------------------------------------------------------------------

template <class W> __global__ void take_words(const W* x, const int64_t* index, int64_t n, int64_t K, int64_t C, W* y) {
  for (int64_t i = cuda::first_item(); i < n; i += cuda::item_stride())
    y[i] = within(index[i], C) ? x[i / K * C + index[i]] : cuda::all_bits<W>();
}

/// One thread per element of dx, which searches the K indices of its row; neighbours read the same ones.
template <class T>
__global__ void take_gradient(const T* dy, const int64_t* index, int64_t n, int64_t K, int64_t C, T* dx) {
  for (int64_t i = cuda::first_item(); i < n; i += cuda::item_stride()) {
    const int64_t r = i / C, c = i - r * C;
    acc_t<T> sum = 0;
    for (int64_t k = r * K; k < (r + 1) * K; ++k)
      if (index[k] == c) sum += cuda::widen(dy[k]);
    dx[i] = T(sum);
  }
}

/// One warp per row, in k rounds: each finds the best element, in the order of Best, after that of the previous round.
/// The row is read from memory once and k - 1 times from the cache.
template <class T> __global__ void top_k_rows(const T* x, int64_t R, int64_t C, int64_t k, T* value, int64_t* index) {
  using A = acc_t<T>;
  const cuda::Foremost<A> f;
  const int lane = int(threadIdx.x) & 31, warps = int(blockDim.x) / 32;
  for (int64_t r = int64_t(blockIdx.x) * warps + int(threadIdx.x) / 32; r < R; r += int64_t(gridDim.x) * warps) {
    const T* row = x + r * C;
    Best<A> last = f.nothing();
    for (int64_t j = 0; j < k; ++j) {
      Best<A> best = f.nothing();
      for (int64_t c = lane; c < C; c += 32) {
        const Best<A> here{cuda::widen(row[c]), c};
        if (j == 0 || cuda::before(last, here)) best = f.join(best, here);
      }
      last = cuda::team_fold(best, 32, f);
      if (lane == 0) value[r * k + j] = row[last.index], index[r * k + j] = last.index;
    }
  }
}

// ---- counting -----------------------------------------------------------------------------------------------

template <class T>
__global__ void one_hot_elements(const int64_t* index, int64_t n, int64_t classes, T one, T zero, T* y) {
  for (int64_t i = cuda::first_item(); i < n; i += cuda::item_stride())
    y[i] = index[i / classes] == i % classes ? one : zero;
}

constexpr int64_t kSharedClasses = 4096;

/// Integer sums do not depend on the order.  If there are few classes, each block first counts in shared memory.
__global__ void count_classes(const int64_t* index, int64_t n, int64_t classes, bool shared,
                              unsigned long long* count) {
  DYN_SHARED(unsigned, mine);
  if (shared)
    for (int64_t c = threadIdx.x; c < classes; c += blockDim.x) mine[c] = 0;
  __syncthreads();
  for (int64_t i = cuda::first_item(); i < n; i += cuda::item_stride()) {
    const int64_t c = index[i];
    if (!within(c, classes)) continue;
    if (shared) atomicAdd(mine + c, 1u);
    else atomicAdd(count + c, 1ull);
  }
  __syncthreads();
  if (shared)
    for (int64_t c = threadIdx.x; c < classes; c += blockDim.x)
      if (mine[c]) atomicAdd(count + c, static_cast<unsigned long long>(mine[c]));
}

}  // namespace

void gather_rows(Cuda where, const Tensor& x, const Tensor& index, Tensor y) {
  const int64_t bytes = row_length(x) * size_of(x.dtype());
  if (y.numel() == 0) return;
  cuda::with_word(bytes | cuda::address(x.raw()) | cuda::address(y.raw()), [&]<class W>() {
    const int64_t width = bytes / int64_t(sizeof(W)), n = index.numel() * width;
    cuda::launch(where, "gather_rows", cuda::blocks(n), kThreads, 0, gather_words<W>, static_cast<const W*>(x.raw()),
                 index.read<int64_t>(), x.dim(0), n, width, static_cast<W*>(y.raw_write()));
  });
}

void gather_rows_backward(Cuda where, const Tensor& dy, const Tensor& index, Tensor dx) {
  if (dx.numel() == 0) return;
  const int64_t rows = dx.dim(0), C = row_length(dx);
  const cuda::Inverse from(where, index, rows);
  with_float(dy.dtype(), "gather_rows_backward", [&]<class T>() {
    const bool aligned = cuda::rows_aligned(dy.read<T>(), C) && cuda::rows_aligned(dx.read<T>(), C);
    cuda::launch(where, "gather_rows_backward", cuda::blocks(rows * packs<T>(C)), kThreads, 0, sum_lists<T>,
                 dy.read<T>(), from.begin, from.order, rows, C, aligned, dx.write<T>());
  });
}

void combine_rows(Cuda where, const Tensor& rows, const Tensor& position, const Tensor& weight, Tensor y) {
  if (y.numel() == 0) return;
  with_float(rows.dtype(), "combine_rows", [&]<class T>() {
    const int64_t C = row_length(rows), B = position.dim(0), K = position.dim(1);
    const bool aligned = cuda::rows_aligned(rows.read<T>(), C) && cuda::rows_aligned(y.read<T>(), C);
    cuda::launch(where, "combine_rows", cuda::blocks(B * packs<T>(C)), kThreads, 0, combine_packs<T>, rows.read<T>(),
                 position.read<int64_t>(), weight.read<acc_t<T>>(), rows.dim(0), B, K, C, aligned, y.write<T>());
  });
}

void combine_rows_backward(Cuda where, const Tensor& dy, const Tensor& rows, const Tensor& position,
                           const Tensor& weight, CombineGrads& out) {
  const int64_t R = rows.dim(0), C = row_length(rows), K = position.dim(1), n = position.numel();
  const int64_t pieces = std::max<int64_t>((C + kPiece - 1) / kPiece, 1);
  const cuda::Inverse from(where, position, R);
  with_float(rows.dtype(), "combine_rows_backward", [&]<class T>() {
    using A = acc_t<T>;
    Tensor dots = full({n, pieces}, std::numeric_limits<double>::quiet_NaN(), dtype_of<A>, rows.device());
    const bool aligned = cuda::rows_aligned(rows.read<T>(), C) && cuda::rows_aligned(dy.read<T>(), C) &&
                         cuda::rows_aligned(out.drows.read<T>(), C);
    const unsigned threads = unsigned(32 * std::clamp<int64_t>((packs<T>(C) + 31) / 32, 1, kThreads / 32));
    cuda::launch(where, "combine_rows_backward", cuda::blocks(R * pieces, 1), threads, 0, combine_gradients<T>,
                 dy.read<T>(), rows.read<T>(), weight.read<A>(), from.begin, from.order, R, K, C, pieces, aligned,
                 out.drows.write<T>(), dots.write<A>());
    if (n) cuda::fold(where, "sum", cuda::Sum<A>{}, dots.read<A>(), n, pieces, 1, out.dweight.write<A>());
  });
}

void take_along(Cuda where, const Tensor& x, const Tensor& index, Tensor y) {
  cuda::with_word(size_of(x.dtype()), [&]<class W>() {
    cuda::launch(where, "take_along", cuda::blocks(y.numel()), kThreads, 0, take_words<W>,
                 static_cast<const W*>(x.raw()), index.read<int64_t>(), y.numel(), index.dim(1), x.dim(1),
                 static_cast<W*>(y.raw_write()));
  });
}

void take_along_backward(Cuda where, const Tensor& dy, const Tensor& index, Tensor dx) {
  with_float(dy.dtype(), "take_along_backward", [&]<class T>() {
    cuda::launch(where, "take_along_backward", cuda::blocks(dx.numel()), kThreads, 0, take_gradient<T>, dy.read<T>(),
                 index.read<int64_t>(), dx.numel(), index.dim(1), dx.dim(1), dx.write<T>());
  });
}

void top_k(Cuda where, const Tensor& x, TopK& out) {
  const int64_t R = x.dim(0), C = x.dim(1), k = out.index.dim(1);
  with_float(x.dtype(), "top_k", [&]<class T>() {
    cuda::launch(where, "top_k", cuda::blocks(R, kThreads / 32), kThreads, 0, top_k_rows<T>, x.read<T>(), R, C, k,
                 out.value.write<T>(), out.index.write<int64_t>());
  });
}

void sort_by_key(Cuda where, const Tensor& keys, Tensor order) {
  cuda::sort(where, keys.read<int64_t>(), keys.numel(), order.write<int64_t>());
}

void one_hot(Cuda where, const Tensor& index, Tensor y) {
  with_any(y.dtype(), [&]<class T>() {
    T one, zero;
    if constexpr (std::is_same_v<T, bf16>) one = bf16(1.f), zero = bf16(0.f);
    else one = T(1), zero = T(0);
    cuda::launch(where, "one_hot", cuda::blocks(y.numel()), kThreads, 0, one_hot_elements<T>, index.read<int64_t>(),
                 y.numel(), y.dim(1), one, zero, y.write<T>());
  });
}

void histogram(Cuda where, const Tensor& index, Tensor count) {
  fill(count, 0);
  const int64_t n = index.numel(), classes = count.dim(0);
  const bool shared = classes <= kSharedClasses;
  const dim3 grid = cuda::blocks(n, 16 * kThreads);  // 16 numbers per thread: few counts to add
  auto* counts = reinterpret_cast<unsigned long long*>(count.write<int64_t>());
  cuda::launch(where, "histogram", grid, kThreads, shared ? size_t(classes) * sizeof(unsigned) : 0, count_classes,
               index.read<int64_t>(), n, classes, shared, counts);
}

}  // namespace camo::kernel
