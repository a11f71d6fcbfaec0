// Copies from one walk to another on the CPU, and casts.
//
// The kernel first joins axes that are contiguous in both walks.  What remains is runs along the last axis, or a
// transpose (x and y are contiguous along different axes), which is done in tiles, and within them in registers.
#include "tensor/ops/layout.h"

#include <cstring>

#include "tensor/cpu/vec.h"
#include "tensor/parallel.h"
#include "tensor/scalar/convert.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {
namespace {

/// Steps through the leading axes, keeping the addresses in x and y.
class Odometer {
 public:
  Odometer(const Axis* axes, int count, int64_t at) : axes_(axes), count_(count) {
    for (int a = count - 1; a >= 0; --a) {
      index_[a] = at % axes[a].length, at /= axes[a].length;
      from += index_[a] * axes[a].from, to += index_[a] * axes[a].to;
    }
  }
  void next() {
    for (int a = count_ - 1; a >= 0; --a) {
      from += axes_[a].from, to += axes_[a].to;
      if (++index_[a] < axes_[a].length) return;
      from -= index_[a] * axes_[a].from, to -= index_[a] * axes_[a].to;
      index_[a] = 0;
    }
  }
  int64_t from = 0, to = 0;

 private:
  const Axis* axes_;
  int count_;
  std::array<int64_t, kMaxRank> index_{};
};

template <class T> void copy_run(const T* x, T* y, Axis run) {
  if (run.from == 1 && run.to == 1) {
    std::memcpy(static_cast<void*>(y), x, size_t(run.length) * sizeof(T));
  } else if (run.from == 0 && run.to == 1) {
    std::fill_n(y, run.length, *x);
  } else {
    for (int64_t i = 0; i < run.length; ++i) y[i * run.to] = x[i * run.from];
  }
}

/// The definition: one run along the last axis after another.  A chunk may begin and end inside a run.
template <class T> void copy_runs(const T* x, T* y, const std::vector<Axis>& axes) {
  const Axis run = axes.back();
  int64_t total = 1;
  for (const Axis& a : axes) total *= a.length;
  parallel_chunks(total, kGrain, [&](int64_t begin, int64_t end) {
    Odometer walk(axes.data(), int(axes.size()) - 1, begin / run.length);
    for (int64_t first = begin % run.length; begin < end; first = 0, walk.next()) {
      const int64_t count = std::min(run.length - first, end - begin);
      copy_run(x + walk.from + first * run.from, y + walk.to + first * run.to, {count, run.from, run.to});
      begin += count;
    }
  });
}

constexpr int64_t kTile = 64, kBlock = kVecBytes / 4;

/// y[i][j] = x[j][i] for kBlock x kBlock numbers in registers.  Each round interleaves the first half of the rows with
/// the second half (a perfect shuffle); log2(kBlock) rounds swap rows and columns.
template <class T, size_t... I>
void copy_block(const T* x, T* y, int64_t x_step, int64_t y_step, std::index_sequence<I...>) {
  constexpr int64_t n = kBlock;
  using Word = std::conditional_t<
      sizeof(T) == 8, uint64_t,
      std::conditional_t<sizeof(T) == 4, uint32_t, std::conditional_t<sizeof(T) == 2, uint16_t, uint8_t>>>;
  typedef Word Row __attribute__((vector_size(n * sizeof(Word))));
  Row a[n], b[n];
  for (int64_t i = 0; i < n; ++i) std::memcpy(&a[i], x + i * x_step, sizeof(Row));
  for (int64_t round = 1; round < n; round *= 2) {
    for (int64_t i = 0; i < n / 2; ++i) {
      b[2 * i] = __builtin_shufflevector(a[i], a[i + n / 2], (I / 2 + I % 2 * n)...);
      b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + n / 2], (n / 2 + I / 2 + I % 2 * n)...);
    }
    std::copy(b, b + n, a);
  }
  for (int64_t i = 0; i < n; ++i) std::memcpy(static_cast<void*>(y + i * y_step), &a[i], sizeof(Row));
}

/// x is contiguous along p, y along q.  Whole blocks go through registers, the rest is copied one by one.  Blocks follow
/// one another along p: those of bf16 read half a cache line each.
template <class T> void copy_tile(const T* x, T* y, Axis p, Axis q) {
  const int64_t whole_p = p.length / kBlock * kBlock, whole_q = q.length / kBlock * kBlock;
  for (int64_t j = 0; j < whole_q; j += kBlock)
    for (int64_t i = 0; i < whole_p; i += kBlock)
      copy_block(x + i + j * q.from, y + i * p.to + j, q.from, p.to, std::make_index_sequence<kBlock>());
  for (int64_t j = 0; j < q.length; ++j)
    for (int64_t i = j < whole_q ? whole_p : 0; i < p.length; ++i) y[i * p.to + j] = x[i + j * q.from];
}

/// axes: the outer ones first, then p and q.
template <class T> void copy_transposed(const T* x, T* y, const std::vector<Axis>& axes) {
  const int outer = int(axes.size()) - 2;
  const Axis p = axes[outer], q = axes[outer + 1];
  int64_t planes = 1;
  for (int a = 0; a < outer; ++a) planes *= axes[a].length;
  const int64_t down = ceil_div(p.length, kTile), across = ceil_div(q.length, kTile);
  parallel_for(planes * down * across, std::min(p.length, kTile) * std::min(q.length, kTile), [&](int64_t t) {
    Odometer plane(axes.data(), outer, t / (down * across));
    const int64_t i = t / across % down * kTile, j = t % across * kTile;
    copy_tile(x + plane.from + i + j * q.from, y + plane.to + i * p.to + j, {std::min(kTile, p.length - i), 1, p.to},
              {std::min(kTile, q.length - j), q.from, 1});
  });
}

template <class From, class To> void cast_run(const From* x, To* y, int64_t n) {
  int64_t i = 0;
  constexpr bool narrow = std::is_same_v<From, bf16> || std::is_same_v<To, bf16>;
  constexpr bool f32 = std::is_same_v<From, float> || std::is_same_v<To, float>;
  if constexpr (narrow && f32)  // the two types that bf16 training casts between
    for (; i + Vec<float>::size <= n; i += Vec<float>::size) Vec<float>::load(x + i).store(y + i);
  for (; i < n; ++i) y[i] = convert<To>(x[i]);
}

}  // namespace

void copy_box(Cpu, const Shape& box, const Tensor& x, const Walk& from, Tensor y, const Walk& to) {
  if (box.numel() == 0) return;
  std::vector<Axis> axes = joined_axes(box, from, to);
  with_any(x.dtype(), [&]<class T>() {
    const T* in = x.read<T>() + from.begin;
    T* out = y.write<T>() + to.begin;
    auto p = std::find_if(axes.begin(), axes.end(), [](const Axis& a) { return a.from == 1; });
    const Axis last = axes.back();
    if (p == axes.end() || last.from <= 1 || last.to != 1) return copy_runs(in, out, axes);
    std::rotate(p, p + 1, axes.end() - 1);  // move it next to the last axis
    copy_transposed(in, out, axes);
  });
}

// Writes y from begin to end, so that its cache lines fill up at once: the parts' rows may be short.
void concat(Cpu, const std::vector<Tensor>& parts, int64_t rows, Tensor y) {
  if (y.numel() == 0) return;
  const int64_t width = y.numel() / rows;
  with_any(y.dtype(), [&]<class T>() {
    struct Part {
      const T* x;
      int64_t begin, end;  // columns of y
    };
    std::vector<Part> all;
    for (const Tensor& part : parts) {
      const int64_t begin = all.empty() ? 0 : all.back().end;
      all.push_back({part.read<T>(), begin, begin + part.numel() / rows});
    }
    T* out = y.write<T>();
    parallel_chunks(y.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin / width; r * width < end; ++r)
        for (const Part& part : all) {
          const int64_t first = std::max(part.begin, begin - r * width), last = std::min(part.end, end - r * width);
          if (first < last)
            copy_run(part.x + r * (part.end - part.begin) + first - part.begin, out + r * width + first,
                     {last - first, 1, 1});
        }
    });
  });
}

void cast(Cpu, const Tensor& x, Tensor y) {
  with_any(x.dtype(), [&]<class From>() {
    with_any(y.dtype(), [&]<class To>() {
      const From* in = x.read<From>();
      To* out = y.write<To>();
      parallel_chunks(x.numel(), kGrain,
                      [=](int64_t begin, int64_t end) { cast_run(in + begin, out + begin, end - begin); });
    });
  });
}

}  // namespace camo::kernel
