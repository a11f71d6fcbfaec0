// Choosing and ordering rows on the CPU.
//
// Adjoints are gathers: a stable counting sort of the indices lists, for every row of x, the rows of dy
// that it receives.
// Then each row of the gradient is written once, by one thread, and summed in ascending order.  Scattering with atomics
// would give different bits from run to run.
#include "tensor/ops/index.h"

#include <algorithm>
#include <numeric>

#include "tensor/cpu/kernels/rows.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {
namespace {

int64_t row_length(const Tensor& x) { return x.shape().product(1, x.rank()); }

/// Splits rows into pieces [begin, end) of columns, because rows may be whole images, and calls f(r,
/// begin, end) for each.
template <class F> void each_piece(int64_t rows, int64_t columns, const F& f) {
  const int64_t pieces = ceil_div(columns, kGrain);
  parallel_for(rows * pieces, std::min(columns, kGrain), [&](int64_t i) {
    const int64_t begin = i % pieces * kGrain;
    f(i / pieces, begin, std::min(columns, begin + kGrain));
  });
}

void check_range(const char* op, const Tensor& index, int64_t limit) {
  const int64_t* p = index.read<int64_t>();
  for (int64_t i = 0; i < index.numel(); ++i)
    check(uint64_t(p[i]) < uint64_t(limit), op, ": index ", p[i], " at ", i, " is outside [0, ", limit, ")");
}

/// The positions of each value in the index, ascending: value r is at order[begin[r]] ... order[begin[r + 1] - 1].
struct Inverse {
  std::vector<int64_t> begin, order;
};
Inverse counting_sort(const Tensor& index, int64_t limit) {
  Inverse out{std::vector<int64_t>(limit + 1), std::vector<int64_t>(index.numel())};
  const int64_t* p = index.read<int64_t>();
  for (size_t i = 0; i < out.order.size(); ++i) ++out.begin[p[i] + 1];
  std::partial_sum(out.begin.begin(), out.begin.end(), out.begin.begin());
  std::vector<int64_t> next = out.begin;
  for (size_t i = 0; i < out.order.size(); ++i) out.order[next[p[i]]++] = int64_t(i);
  return out;
}

}  // namespace

void gather_rows(Cpu, const Tensor& x, const Tensor& index, Tensor y) {
  check_range("gather_rows", index, x.dim(0));
  with_any(x.dtype(), [&]<class T>() {
    const int64_t C = row_length(x);
    const int64_t* p = index.read<int64_t>();
    const T* in = x.read<T>();
    T* out = y.write<T>();
    each_piece(index.numel(), C, [=](int64_t i, int64_t begin, int64_t end) {
      std::copy(in + p[i] * C + begin, in + p[i] * C + end, out + i * C + begin);
    });
  });
}

void gather_rows_backward(Cpu, const Tensor& dy, const Tensor& index, Tensor dx) {
  check_range("gather_rows_backward", index, dx.dim(0));
  with_float(dy.dtype(), "gather_rows_backward", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = row_length(dx);
    const Inverse from = counting_sort(index, dx.dim(0));
    const T* in = dy.read<T>();
    T* out = dx.write<T>();
    each_piece(dx.dim(0), C, [&](int64_t r, int64_t begin, int64_t end) {
      each_vec<A>(end - begin, [&](int64_t c, auto n) {
        c += begin;
        Vec<A> sum(A(0));
        for (int64_t i = from.begin[r]; i < from.begin[r + 1]; ++i) sum += load<A>(in + from.order[i] * C + c, n);
        store(sum, out + r * C + c, n);
      });
    });
  });
}

void combine_rows(Cpu, const Tensor& rows, const Tensor& position, const Tensor& weight, Tensor y) {
  check_range("combine_rows", position, rows.dim(0));
  with_float(rows.dtype(), "combine_rows", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = row_length(rows), K = position.dim(1);
    const int64_t* p = position.read<int64_t>();
    const A* w = weight.read<A>();
    const T* in = rows.read<T>();
    T* out = y.write<T>();
    each_piece(position.dim(0), C, [=](int64_t b, int64_t begin, int64_t end) {
      each_vec<A>(end - begin, [=](int64_t c, auto n) {
        c += begin;
        Vec<A> sum(A(0));
        for (int64_t i = b * K; i < (b + 1) * K; ++i) sum += load<A>(in + p[i] * C + c, n) * w[i];
        store(sum, out + b * C + c, n);
      });
    });
  });
}

// Every row belongs to at most one (b, k); both gradients are computed while it is in the cache.
void combine_rows_backward(Cpu, const Tensor& dy, const Tensor& rows, const Tensor& position, const Tensor& weight,
                           CombineGrads& out) {
  const char* op = "combine_rows_backward";
  check_range(op, position, rows.dim(0));
  with_float(rows.dtype(), op, [&]<class T>() {
    using A = acc_t<T>;
    const int64_t R = rows.dim(0), C = row_length(rows), K = position.dim(1);
    const int64_t pieces = ceil_div(C, kGrain);
    const int64_t* p = position.read<int64_t>();
    std::vector<int64_t> owner(R, -1);
    for (int64_t i = 0; i < position.numel(); ++i) {
      check(owner[p[i]] < 0, op, ": row ", p[i], " of ", rows.shape(), " is read more than once");
      owner[p[i]] = i;
    }
    const A* w = weight.read<A>();
    Scratch<A> scratch(position.numel() * pieces);
    A* dots = scratch;
    const T *in = rows.read<T>(), *d = dy.read<T>();
    T* out_rows = out.drows.write<T>();
    each_piece(R, C, [&](int64_t r, int64_t begin, int64_t end) {
      T* drow = out_rows + r * C + begin;
      const int64_t i = owner[r];
      if (i < 0) return std::fill(drow, drow + (end - begin), T(A(0)));
      const T *row = in + r * C + begin, *d_row = d + i / K * C + begin;
      dots[i * pieces + begin / kGrain] = row_sum<A>(end - begin, [=](int64_t c, auto n) {
        Vec<A> v = load<A>(d_row + c, n);
        store(v * w[i], drow + c, n);
        return v * load<A>(row + c, n);
      });
    });
    A* dweight = out.dweight.write<A>();
    for (int64_t i = 0; i < position.numel(); ++i)
      dweight[i] = std::accumulate(dots + i * pieces, dots + (i + 1) * pieces, A(0));
  });
}

void take_along(Cpu, const Tensor& x, const Tensor& index, Tensor y) {
  const int64_t C = x.dim(1), K = index.dim(1);
  check_range("take_along", index, C);
  with_any(x.dtype(), [&]<class T>() {
    const int64_t* p = index.read<int64_t>();
    const T* in = x.read<T>();
    T* out = y.write<T>();
    parallel_for(x.dim(0), K, [=](int64_t r) {
      for (int64_t i = r * K; i < (r + 1) * K; ++i) out[i] = in[r * C + p[i]];
    });
  });
}

void take_along_backward(Cpu, const Tensor& dy, const Tensor& index, Tensor dx) {
  const int64_t C = dx.dim(1), K = index.dim(1);
  check_range("take_along_backward", index, C);
  with_float(dy.dtype(), "take_along_backward", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t* p = index.read<int64_t>();
    const T* d = dy.read<T>();
    T* out = dx.write<T>();
    parallel_for(dx.dim(0), C + K, [=](int64_t r) {
      T* row = out + r * C;
      std::fill(row, row + C, T(A(0)));
      for (int64_t i = r * K; i < (r + 1) * K; ++i) row[p[i]] = T(A(row[p[i]]) + A(d[i]));
    });
  });
}

void top_k(Cpu, const Tensor& x, TopK& out) {
  with_float(x.dtype(), "top_k", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = x.dim(1), k = out.index.dim(1);
    const T* in = x.read<T>();
    T* value = out.value.write<T>();
    int64_t* index = out.index.write<int64_t>();
    parallel_chunks(x.dim(0), kGrain / (8 * std::max<int64_t>(C, 1)), [=](int64_t begin, int64_t end) {
      std::vector<int64_t> order(C);
      for (int64_t r = begin; r < end; ++r) {
        const T* row = in + r * C;
        std::iota(order.begin(), order.end(), 0);
        std::partial_sort(order.begin(), order.begin() + k, order.end(), [row](int64_t i, int64_t j) {
          const A a = A(row[i]), b = A(row[j]);
          const bool a_nan = a != a, b_nan = b != b;
          if (a_nan != b_nan) return a_nan;
          return a > b || (!(a < b) && i < j);
        });
        for (int64_t j = 0; j < k; ++j) index[r * k + j] = order[j], value[r * k + j] = row[order[j]];
      }
    });
  });
}

void sort_by_key(Cpu, const Tensor& keys, Tensor order) {
  const int64_t* key = keys.read<int64_t>();
  int64_t* p = order.write<int64_t>();
  std::iota(p, p + keys.numel(), 0);
  std::stable_sort(p, p + keys.numel(), [key](int64_t i, int64_t j) { return key[i] < key[j]; });
}

void one_hot(Cpu, const Tensor& index, Tensor y) {
  const int64_t classes = y.dim(1);
  check_range("one_hot", index, classes);
  fill(y, 0);
  with_any(y.dtype(), [&]<class T>() {
    T one;
    if constexpr (std::is_same_v<T, bf16>) one = bf16(1.f);
    else one = T(1);
    T* out = y.write<T>();
    const int64_t* p = index.read<int64_t>();
    for (int64_t i = 0; i < index.numel(); ++i) out[i * classes + p[i]] = one;
  });
}

void histogram(Cpu, const Tensor& index, Tensor count) {
  check_range("histogram", index, count.dim(0));
  fill(count, 0);
  int64_t* out = count.write<int64_t>();
  const int64_t* p = index.read<int64_t>();
  for (int64_t i = 0; i < index.numel(); ++i) ++out[p[i]];
}

}  // namespace camo::kernel
