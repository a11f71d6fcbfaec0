// The product of one panel of B and one block of rows of A, for gemm.cpp and gemm_small.cpp.  Internal to gemm*.cpp.
#pragma once

#include "tensor/cpu/kernels/gemm.h"
#include "tensor/cpu/kernels/gemm_tile.h"
#include "tensor/parallel.h"
#include "tensor/scalar/functors.h"

namespace camo::kernel {

/// The longest range of k for which part of a panel stays in the nearest caches.
template <class P> constexpr int64_t kDepth = 2048 / sizeof(P) * Unit<P>::kPer;

/// A range of k: pieces [piece, piece + pieces), and numbers [offset, offset + length) of each.  `packed` steps of
/// B come before it.
struct Step {
  int64_t packed, piece, pieces, offset, length;
};

/// One block of rows: pointers to A's pieces and to C.  Both are valid (repeated) up to two tiles past the end.
template <class P, class TC> struct Block {
  using T = typename Unit<P>::Sum;
  int64_t count, ld;  // rows; distance between pieces in `a`
  const typename Unit<P>::Number* const* a;
  TC* const* c;
  T* part;        // sums that C cannot hold yet: C is narrower, the tile is at an edge, or an activation follows
  const T* bias;  // padded to whole panels, or null
};

/// Writes sums from `part` to rows of C, or reads C into `part`.
template <class P, class T, class TC>
void store_tile(const T* part, int rows, int width, TC* const* c, int64_t column, int64_t cols, Act act) {
  constexpr int S = Vec<T>::size;
  auto store = [&](auto f) {
    for (int j = 0; j < width && j < cols; j += S)
      for (int i = 0; i < rows; ++i) {
        const Vec<T> y = f(Vec<T>::load(part + i * width + j));
        if (j + S <= cols) Unit<P>::store(y, c[i] + column + j);
        else y.store(c[i] + column + j, int(cols - j));
      }
  };
  if (act == Act::none) store([](Vec<T> y) { return y; });
  if (act == Act::relu) store([](Vec<T> y) { return Relu::f(y); });
  if (act == Act::gelu) store([](Vec<T> y) { return Gelu::f(y); });
}
template <class T, class TC> void load_tile(T* part, int rows, int width, TC* const* c, int64_t column, int64_t cols) {
  constexpr int S = Vec<T>::size;
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < width; j += S)
      Vec<T>::load(c[i] + column + j, int(std::clamp<int64_t>(cols - j, 0, S))).store(part + i * width + j);
}

/// Multiplies one range of k for every tile of the block in one panel.  The first range starts the sums, the
/// last completes them.
template <int V, class P, class TC, class T = typename Unit<P>::Sum>
void panel_step(const Block<P, TC>& block, const Step& step, bool first, bool last, const P* panel, int64_t column,
                int64_t cols, const Finish<T>& finish) {
  constexpr int R = tile_rows(V), W = V * Vec<T>::size;
  for (int64_t m = 0; m < block.count; m += R) {
    const int rows = int(std::min<int64_t>(R, block.count - m));
    const Stretch<typename Unit<P>::Number> a{block.a + step.piece * block.ld + m, block.ld, step.pieces, step.offset,
                                              step.length};
    const P* b = panel + step.packed * W;
    const T* bias = block.bias ? block.bias + column : nullptr;
    const bool add = !first || finish.accumulate;
    // Sums go straight to C if it can hold them.
    if (rows == R && cols >= W && finish.act == Act::none && (std::is_same_v<T, TC> || (first && last))) {
      multiply_rows<R, V, P>(a, b, block.c + m, column, add, bias);
      continue;
    }
    T *part = block.part + m * W, *to[R];
    for (int i = 0; i < R; ++i) to[i] = part + i * W;
    if (first && add) load_tile(part, R, W, block.c + m, column, cols);
    multiply_rows<R, V, P, T>(a, b, to, 0, add, bias);
    if (last) store_tile<P>(part, rows, W, block.c + m, column, cols, finish.act);
  }
}

/// Packs the panels of B one after another; within a panel, piece after piece, each padded to whole steps of k, and all
/// of them to `deep` steps with zeros.
template <class P, class TB>
void pack_panels(const Right<TB>& b, int64_t pieces, int64_t length, int64_t N,
                 const Panels<typename Unit<P>::Sum>& panels, int64_t deep, P* packed) {
  constexpr int S = Vec<typename Unit<P>::Sum>::size, kPer = Unit<P>::kPer;
  const int64_t each = ceil_div(length, kPer), part = 256, parts = ceil_div(length, part);
  const bool across = b.trans == Trans::yes;
  parallel_for(panels.count * pieces * parts, std::min(part, length) * S * kTileVecs, [&](int64_t task) {
    const int64_t p = task / (pieces * parts), piece = task / parts % pieces, k = task % parts * part,
                  column = panels.column(p);
    const int64_t begin = b.offset.empty() ? piece * length * (across ? 1 : b.ld) : b.offset[size_t(piece)];
    const TB* src = b.data + begin + (across ? column * b.ld + k : k * b.ld + column);
    P* dst = packed + column * deep + (piece * each + k / kPer) * panels.vecs(p) * S;
    auto* run = across ? pack_panel_transposed<P, TB> : pack_panel<P, TB>;
    run(src, b.ld, std::min(part, length - k), N - column, panels.vecs(p), dst);
  });
  for (int64_t p = 0; deep > pieces * each && p < panels.count; ++p) {
    const int64_t width = panels.vecs(p) * S;
    P* panel = packed + panels.column(p) * deep;
    std::fill(panel + pieces * each * width, panel + deep * width, P{});
  }
}

/// Converts n numbers of another type to T.
template <class T, class TA> void widen(const TA* x, int64_t n, T* out) {
  int64_t k = 0;
  for (; k + Vec<T>::size <= n; k += Vec<T>::size) Vec<T>::load(x + k).store(out + k);
  for (; k < n; ++k) out[k] = T(x[k]);
}

/// True if the right operand (K, N) is small enough for multiply_small.  Depends on types, K and N alone.
template <class P> constexpr bool is_small(int64_t K, int64_t N) {
  return K > 0 && K <= kDepth<P> && K * round_up(N, Vec<typename Unit<P>::Sum>::size) <= 16384;
}

/// multiply for a small right operand; each row is one run of numbers, and rows are lda apart (gemm_small.cpp).
template <class TA, class TB, class TC>
void multiply_small(int64_t M, int64_t N, int64_t K, const TA* a, int64_t lda, const Right<TB>& b, TC* c, int64_t ldc,
                    const Finish<acc_t<TC>>& finish);

}  // namespace camo::kernel
