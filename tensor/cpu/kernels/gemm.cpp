// C = act(A B + bias): rows of A are read in place, B is packed in panels.
//
// Work is cut into blocks of rows times groups of panels.  Within a block, k advances in steps of kDepth, so that the
// current part of a panel stays in the nearest caches; between steps the sums are kept in `part`.  None of these cuts
// changes the order in which one element of C is summed.
// bf16 rows are widened block by block: A is then read from an f32 copy that fits the L2 cache.
// Products with a small right operand are computed by gemm_small.cpp.
#include "tensor/cpu/kernels/gemm.h"

#include <tuple>

#include "tensor/cpu/kernels/gemm_panel.h"
#include "tensor/cpu/kernels/gemm_tiles.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"

namespace camo::kernel {
namespace {

constexpr int64_t kBlockBytes = 384 << 10;  // rows of A that a block keeps in the L2 cache
constexpr int64_t kTasks = 32;              // enough tasks to share among threads

/// Cuts pieces of `length` numbers, `per` of them a step, into ranges of about `depth` numbers.
std::vector<Step> cut_depth(int64_t pieces, int64_t length, int64_t depth, int64_t per) {
  std::vector<Step> steps;
  if (pieces == 0 || length == 0) return {{0, 0, 0, 0, 0}};
  const int64_t each = ceil_div(length, per);  // steps per piece
  if (length >= depth) {
    const int64_t part = round_up(ceil_div(length, ceil_div(length, depth)), per);
    for (int64_t p = 0; p < pieces; ++p)
      for (int64_t o = 0; o < length; o += part)
        steps.push_back({p * each + o / per, p, 1, o, std::min(part, length - o)});
  } else {
    const int64_t part = ceil_div(pieces, ceil_div(pieces * length, depth));
    for (int64_t p = 0; p < pieces; p += part) steps.push_back({p * each, p, std::min(part, pieces - p), 0, length});
  }
  return steps;
}

/// Pointers to rows [m, m + count) of A as T.  If A has another type its rows are converted into `window`, where they
/// are one contiguous piece with the same k.
template <class T, class TA>
void find_rows(const Pieces<TA>& a, int64_t m, int64_t count, const T** table, int64_t ld, T* window) {
  if constexpr (std::is_same_v<T, TA>) {
    a.find(m, count, table, ld);
  } else {
    Scratch<const TA*> narrow(a.pieces * count);
    a.find(m, count, narrow, count);
    for (int64_t i = 0; i < count; ++i) {
      table[i] = window;
      for (int64_t p = 0; p < a.pieces; ++p, window += a.length) widen(narrow[p * count + i], a.length, window);
    }
  }
}

template <class P, class TA, class TB, class TC>
void multiply_by(const Pieces<TA>& a, const Right<TB>& b, int64_t N, const Rows<TC>& c,
                 const Finish<acc_t<TC>>& finish) {
  using T = typename Unit<P>::Sum;
  using Number = typename Unit<P>::Number;
  constexpr bool kInPlace = std::is_same_v<Number, TA>;
  constexpr int S = Vec<T>::size;
  const int64_t M = a.rows, K = a.pieces * a.length, deep = a.pieces * ceil_div(a.length, Unit<P>::kPer);
  const Panels<T> panels(N);
  Scratch<P> packed(deep * panels.vectors * S);
  pack_panels<P>(b, a.pieces, a.length, N, panels, deep, packed);
  Scratch<T> bias(panels.vectors * S);
  if (finish.bias) std::fill(std::copy_n(finish.bias, N, bias + 0), bias + panels.vectors * S, T(0));

  const int64_t pieces = kInPlace ? a.pieces : 1, length = kInPlace ? a.length : K;
  const std::vector<Step> steps = cut_depth(pieces, length, kDepth<P>, Unit<P>::kPer);
  int64_t rows = kBlockBytes / std::max<int64_t>(K * int64_t(sizeof(Number)), 1);
  rows = std::min(rows, ceil_div(M, ceil_div(kTasks, panels.count)));
  rows = std::clamp<int64_t>(round_up(rows, kRowUnit), kRowUnit, 10 * kRowUnit);
  const int64_t blocks = ceil_div(M, rows), groups = std::min(panels.count, ceil_div(kTasks, blocks));
  const int64_t table_ld = rows + 2 * kMaxTileRows;

  parallel_chunks(blocks * groups, 1, [&](int64_t task, int64_t) {
    const int64_t m0 = task / groups * rows, count = std::min(rows, M - m0), group = task % groups;
    Scratch<const Number*> table(std::max<int64_t>(pieces, 1) * table_ld);
    Scratch<TC*> out(table_ld);
    Scratch<Number> window(kInPlace ? 0 : count * K);
    Scratch<T> part(table_ld * kTileVecs * S);
    find_rows<Number>(a, m0, count, table, table_ld, window);
    for (int64_t p = 0; p < pieces; ++p)
      std::fill_n(table + p * table_ld + count, table_ld - count, table[p * table_ld + count - 1]);
    if (c.find) c.find(m0, count, out);
    else
      for (int64_t i = 0; i < count; ++i) out[i] = c.data + (m0 + i) * c.ld;
    std::fill_n(out + count, table_ld - count, out[count - 1]);
    const T* start = finish.bias && !finish.accumulate ? bias + 0 : nullptr;
    const Block<P, TC> block{count, table_ld, table, out, part, start};
    for (int64_t p = panels.count * group / groups; p < panels.count * (group + 1) / groups; ++p)
      with_width(panels.vecs(p), [&]<int V>() {
        const int64_t column = panels.column(p);
        for (const Step& step : steps)
          panel_step<V>(block, step, &step == &steps.front(), &step == &steps.back(), packed + column * deep, column,
                        N - column, finish);
      });
  });
}

}  // namespace

template <class TA, class TB, class TC>
void multiply(const Pieces<TA>& a, const Right<TB>& b, int64_t N, const Rows<TC>& c, const Finish<acc_t<TC>>& finish) {
  if (a.rows == 0 || N == 0) return;
#ifdef CAMO_BF16_UNITS
  if constexpr (std::is_same_v<TA, bf16>)
    if (bf16_units() == Bf16Units::pairs) return multiply_by<Pair>(a, b, N, c, finish);
#endif
#ifdef CAMO_BF16_TILES
  if constexpr (std::is_same_v<TA, bf16>)
    if (bf16_units() == Bf16Units::tiles) return multiply_on_tiles(a, b, N, c, finish);
#endif
  if (a.data && !c.find && b.offset.empty() && is_small<acc_t<TC>>(a.length, N))
    return multiply_small(a.rows, N, a.length, a.data, a.ld, b, c.data, c.ld, finish);
  multiply_by<acc_t<TC>>(a, b, N, c, finish);
}

template <class TA, class TB, class TC>
void multiply_plain(int64_t M, int64_t N, int64_t K, const TA* a, int64_t lda, const Right<TB>& b, TC* c, int64_t ldc,
                    const Finish<acc_t<TC>>& finish) {
  using T = acc_t<TC>;
  for (int64_t m = 0; m < M; ++m)
    for (int64_t n = 0; n < N; ++n) {
      T sum = finish.accumulate ? T(c[m * ldc + n]) : finish.bias ? finish.bias[n] : T(0);
      for (int64_t k = 0; k < K; ++k)
        sum += T(a[m * lda + k]) * T(b.data[b.trans == Trans::yes ? n * b.ld + k : k * b.ld + n]);
      c[m * ldc + n] = TC(finish.act == Act::relu ? Relu::f(sum) : finish.act == Act::gelu ? Gelu::f(sum) : sum);
    }
}

// Taking a function's address makes the compiler emit it; that is all the tuple is for.
template <class TA, class TB, class TC>
constexpr auto products_of = std::make_tuple(&multiply<TA, TB, TC>, &multiply_plain<TA, TB, TC>);
auto gemm_kernels = std::tuple_cat(products_of<float, float, float>, products_of<double, double, double>,
                                   products_of<bf16, float, bf16>, products_of<bf16, bf16, bf16>);

}  // namespace camo::kernel
