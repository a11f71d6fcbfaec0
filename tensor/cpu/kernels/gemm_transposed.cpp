// C (M, N) = A^T B: sums over many rows, as in the gradient of every weight.
//
// C is small and K (pixels) is long.  So C is cut into blocks that fit the L2 cache and K into runs; each (block,
// run) is one task with its own sums, and the runs are added in order at the end.  A task processes kStep rows at
// a time: it packs both operands, narrow tiles of A and panels of B, so that the tile product reads sequentially
// from the L1 cache.
#include "tensor/cpu/kernels/gemm.h"
#include "tensor/cpu/kernels/gemm_panel.h"
#include "tensor/cpu/kernels/gemm_tiles.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"

namespace camo::kernel {
namespace {

constexpr int64_t kStep = 128;  // rows packed at a time
constexpr int64_t kBlockRows = 192, kBlockCols = 320;
constexpr int64_t kTasks = 32, kMinRun = 512;
constexpr int64_t kPackCost = 6;  // half cycles to pack one vector

/// Packs columns [column, column + cols) of rows of X in tiles of kWidth: tile t, row k, column j goes to dst[t *
/// kStride + k * kWidth + j], zero past the last column.  It copies whole vectors: the next copy overwrites the excess
/// of this one, and kStride leaves room for a vector between tiles.
template <class P, class TX, int kWidth> class Packer {
  static constexpr int S = Vec<typename Unit<P>::Sum>::size, kVecs = (kWidth + S - 1) / S, kPer = Unit<P>::kPer;
  static constexpr bool kSame = std::is_same_v<P, TX>;

 public:
  static constexpr int64_t kStride = kStep / kPer * kWidth + S;
  const int64_t tiles;

  Packer(const Pieces<TX>& x, int64_t column, int64_t cols)
      : tiles(ceil_div(cols, kWidth)),
        x_(x),
        column_(column),
        end_(column + cols),
        in_place_(kSame && x.data ? cols / kWidth : 0),
        runs_(x.pieces * kStep),
        packed_((tiles - in_place_) * kStride) {
    for (int64_t c = column; c < end_;) {
      const int64_t begin = c % x.length, n = std::min({end_ - c, x.length - begin, int64_t(64 / sizeof(TX))});
      lines_.push_back({c / x.length * kStep, begin});
      c += n;
    }
  }

  /// Locates rows [k, k + count), which are packed next.  Appends their cache lines to a list and returns its end.
  const void** find(int64_t k, int64_t count, const void** lines) {
    x_.find(k, count, runs_, kStep);
    for (const Line& line : lines_)
      for (int64_t i = 0; i < count; ++i) *lines++ = runs_[line.piece + i] + line.begin;
    return lines;
  }
  /// Returns a pointer to tile t in row k (k = 0 is the first packed row) and the distance to the next row.
  std::pair<const P*, int64_t> tile(int64_t t, int64_t k) const {
    if constexpr (kSame)
      if (t < in_place_) return {x_.data + k * x_.ld + column_ + t * kWidth, x_.ld};
    return {packed_ + (t - in_place_) * kStride, kWidth};
  }
  /// Zeros for steps [from, to) of all tiles.
  void pad(int64_t from, int64_t to) {
    for (int64_t t = 0; t < tiles; ++t)
      std::fill(packed_ + t * kStride + from * kWidth, packed_ + t * kStride + to * kWidth, P{});
  }
  int64_t most_lines() const { return kStep * int64_t(lines_.size()); }

  /// Packs `count` rows, tile after tile, so that writes are sequential.  Reads jump from row to row, which costs
  /// nothing once the rows are in the cache.  Not inlined: it is compiled once, not in every run_block.
  [[gnu::noinline]] void pack(int64_t count) {
    for (int64_t t = in_place_; t < tiles; ++t) {
      P* dst = packed_ + (t - in_place_) * kStride;
      const int64_t c = column_ + t * kWidth, begin = c % x_.length;
      const TX* const* rows = runs_ + c / x_.length * kStep;
      int64_t i = 0;
      if (c + kWidth <= end_ && begin + kVecs * S <= x_.length)
        for (; i + kPer <= count; i += kPer, dst += kWidth)
          for (int v = 0; v < kVecs; ++v)
            Unit<P>::pack(rows[i] + begin + v * S, rows[i + kPer - 1] + begin + v * S, S, dst + v * S);
      for (; i < count; i += kPer, dst += kWidth) pack_edge(c, i, i + 1 < count, dst);
    }
  }

 private:
  /// Packs one step of a tile at the end of a run, of the columns, or of the rows.
  [[gnu::noinline]] void pack_edge(int64_t c, int64_t i, bool second, P* dst) const {
    for (int j = 0; j < kWidth;) {
      const int64_t piece = std::min(c + j, end_ - 1) / x_.length, begin = c + j - piece * x_.length;
      const int n = int(std::min<int64_t>({end_ - c - j, x_.length - begin, S, kWidth - j}));
      const TX* const* rows = runs_ + piece * kStep + i;
      if (n > 0) Unit<P>::pack(rows[0] + begin, second ? rows[1] + begin : nullptr, n, dst + j);
      else Unit<P>::pack(rows[0], rows[0], 0, dst + j);
      j += n > 0 ? n : std::min(S, kWidth - j);
    }
  }

  struct Line {
    int64_t piece, begin;
  };
  const Pieces<TX>& x_;
  int64_t column_, end_,
      in_place_;             // the first tiles of a dense X are read in place, without packing
  Scratch<const TX*> runs_;  // where each piece of each row begins
  Scratch<P> packed_;
  std::vector<Line> lines_;
};

/// out (M, N) = sums of A^T B over rows [k0, k1), for one block.  While one step is multiplied, the rows of the
/// next are prefetched.
template <int W, class P, class T, class TA, class TB>
void run_block(const Pieces<TA>& a, const Pieces<TB>& b, int64_t m0, int64_t M, int64_t n0, int64_t N, int64_t k0,
               int64_t k1, T* out, int64_t ld, bool accumulate) {
  constexpr int R = tile_rows(W), S = Vec<T>::size;
  Packer<P, TA, R> left(a, m0, M);
  Packer<P, TB, W * S> right(b, n0, N);
  const int64_t width = right.tiles * W * S, height = left.tiles * R, tiles = left.tiles * right.tiles;
  Scratch<T> sums(height * width);
  std::fill_n(static_cast<T*>(sums), height * width, T(0));
  Scratch<const void*> lines(left.most_lines() + right.most_lines());
  int64_t all = 0;  // cache lines of the next step
  auto find = [&](int64_t k) {
    const int64_t count = std::min(kStep, k1 - k);
    all = count > 0 ? right.find(k, count, left.find(k, count, lines)) - lines : 0;
  };
  find(k0);
  for (int64_t k = k0; k < k1; k += kStep) {
    const int64_t count = std::min(kStep, k1 - k);
    left.pack(count), right.pack(count);
    find(k + count);
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t p = i / left.tiles, t = i % left.tiles, from = all * i / tiles, to = all * (i + 1) / tiles;
      const auto [x, step_x] = left.tile(t, k);
      const auto [y, step_y] = right.tile(p, k);
      multiply_columns<R, W, P>(x, step_x, y, step_y, ceil_div(count, Unit<P>::kPer), sums + t * R * width + p * W * S,
                                width, lines + from, to - from);
    }
  }
  for (int64_t m = 0; m < M; ++m) {
    T* c = out + (m0 + m) * ld + n0;
    for (int64_t n = 0; n < N; ++n) c[n] = (accumulate ? c[n] : T(0)) + sums[m * width + n];
  }
}

/// turned (M, K) = x^T for x (K, M), S x S numbers at a time in registers; rows of `turned` are step apart.
template <class T> void turn(const T* x, int64_t ld, int64_t K, int64_t M, T* turned, int64_t step) {
  constexpr int S = Vec<T>::size;
  for (int64_t k = 0; k < K; k += S)
    for (int64_t m = 0; m < M; m += S) {
      const int rows = int(std::min<int64_t>(S, K - k)), columns = int(std::min<int64_t>(S, M - m));
      Vec<T> block[S];
      for (int i = 0; i < S; ++i) block[i] = i < rows ? Vec<T>::load(x + (k + i) * ld + m, columns) : Vec<T>(0);
      transpose(block);
      for (int i = 0; i < columns; ++i) block[i].store(turned + (m + i) * step + k, rows);
    }
}

#ifdef CAMO_BF16_TILES
/// The same on matrix tiles.  The left operand is packed like the right one and then turned, because a tile of it has a
/// row for each column of A.
void run_block_on_tiles(const Pieces<bf16>& a, const Pieces<bf16>& b, int64_t m0, int64_t M, int64_t n0, int64_t N,
                        int64_t k0, int64_t k1, float* out, int64_t ld, bool accumulate) {
  constexpr int64_t kWidth = 2 * kTile, kPairs = kStep / 2;
  Packer<Pair, bf16, kTile> left(a, m0, M);
  Packer<Pair, bf16, kWidth> right(b, n0, N);
  const int64_t width = right.tiles * kWidth, products = right.tiles * ceil_div(left.tiles, 2);
  Scratch<float> sums(left.tiles * kTile * width);
  Scratch<float> turned(left.tiles * kTile * kPairs);  // pairs as the bits of a float: row m of tile t, k after k
  Scratch<const void*> lines(left.most_lines() + right.most_lines());
  int64_t all = 0;  // cache lines of the next step
  auto find = [&](int64_t k) {
    const int64_t count = std::min(kStep, k1 - k);
    all = count > 0 ? right.find(k, count, left.find(k, count, lines)) - lines : 0;
  };
  const TileRegisters registers;
  find(k0);
  for (int64_t k = k0; k < k1; k += kStep) {
    const int64_t count = std::min(kStep, k1 - k), steps = ceil_div(count, kTileDepth);
    left.pack(count), right.pack(count);
    left.pad(ceil_div(count, 2), steps * kTile), right.pad(ceil_div(count, 2), steps * kTile);
    find(k + count);
    for (int64_t t = 0; t < left.tiles; ++t)
      turn(reinterpret_cast<const float*>(left.tile(t, 0).first), kTile, steps * kTile, kTile,
           turned + t * kTile * kPairs, kPairs);
    for (int64_t i = 0; i < products; ++i) {
      const int64_t p = i % right.tiles, t = i / right.tiles * 2;
      for (int64_t l = all * i / products; l < all * (i + 1) / products; ++l) __builtin_prefetch(lines[l], 0, 2);
      multiply_tiles(left.tiles - t, 2, reinterpret_cast<const bf16*>(turned + t * kTile * kPairs), kStep,
                     right.tile(p, 0).first, kWidth, steps, sums + t * kTile * width + p * kWidth, width, k == k0);
    }
  }
  for (int64_t m = 0; m < M; ++m) {
    float* c = out + (m0 + m) * ld + n0;
    for (int64_t n = 0; n < N; ++n) c[n] = (accumulate ? c[n] : 0.0f) + (k1 > k0 ? sums[m * width + n] : 0.0f);
  }
}
#endif

/// The tile width that costs least for a block: multiply-adds (two per cycle) plus packing.
template <class T> int best_width(int64_t M, int64_t N) {
  int best = 1;
  int64_t least = 0;
  for (int V = 1; V <= kTileVecs; ++V) {
    const int64_t R = tile_rows(V), down = ceil_div(M, R), across = ceil_div(N, V * Vec<T>::size);
    const int64_t cost = down * across * std::max(R * V, R + V) + kPackCost * (down + across * V);
    if (V == 1 || cost <= least) best = V, least = cost;
  }
  return best;
}

/// Cuts C into blocks of whole units and K into runs, and adds the runs in order.  run(m, rows, n, cols, k0, k1, out, ld,
/// accumulate) computes the sums of one block over one run.
template <class T, class F>
void in_blocks(int64_t M, int64_t N, int64_t K, int64_t unit_rows, int64_t unit_cols, T* c, int64_t ldc,
               bool accumulate, F run_one) {
  const int64_t rows = round_up(ceil_div(M, ceil_div(M, kBlockRows)), unit_rows);
  const int64_t cols = round_up(ceil_div(N, ceil_div(N, kBlockCols)), unit_cols);
  const int64_t down = ceil_div(M, rows), across = ceil_div(N, cols), blocks = down * across;
  int64_t runs = std::clamp<int64_t>(ceil_div(kTasks, blocks), 1, std::max<int64_t>(K / kMinRun, 1));
  const int64_t run = round_up(std::max<int64_t>(ceil_div(K, runs), 1), kStep);
  runs = std::max<int64_t>(ceil_div(K, run), 1);
  Scratch<T> parts(runs > 1 ? runs * M * N : 0);

  parallel_chunks(blocks * runs, 1, [&](int64_t task, int64_t) {
    const int64_t m = task / runs % down * rows, n = task / runs / down * cols, r = task % runs;
    run_one(m, std::min(rows, M - m), n, std::min(cols, N - n), r * run, std::min(K, (r + 1) * run),
            runs > 1 ? parts + r * M * N : c, runs > 1 ? N : ldc, runs == 1 && accumulate);
  });
  if (runs > 1)
    parallel_for(M, N * runs, [&](int64_t m) {
      for (int64_t n = 0; n < N; ++n) {
        T sum = accumulate ? c[m * ldc + n] : T(0);
        for (int64_t r = 0; r < runs; ++r) sum += parts[(r * M + m) * N + n];
        c[m * ldc + n] = sum;
      }
    });
}

template <class P, class T, class TA, class TB>
void multiply_by(const Pieces<TA>& a, const Pieces<TB>& b, T* c, int64_t ldc, bool accumulate) {
  const int64_t M = a.pieces * a.length, N = b.pieces * b.length;
  const int V = best_width<T>(std::min(M, kBlockRows), std::min(N, kBlockCols));
  in_blocks(M, N, a.rows, tile_rows(V), V * Vec<T>::size, c, ldc, accumulate,
            [&](auto... block) { with_width(V, [&]<int W>() { run_block<W, P>(a, b, block...); }); });
}

/// For few rows and small operands, A is transposed and multiply_small computes the product.  It adds the same numbers
/// in the same order as long as one step holds all rows.
template <class TA, class TB>
bool turn_and_multiply(const Pieces<TA>& a, const Pieces<TB>& b, acc_t<TA>* c, int64_t ldc) {
  using T = acc_t<TA>;
  const int64_t M = a.length, N = b.length, K = a.rows;
  if constexpr (std::is_same_v<TA, T> && std::is_same_v<TB, T>) {
    if (!a.data || !b.data || K > kStep || M > kBlockRows || !is_small<T>(K, N)) return false;
    Scratch<T> turned(M * K);
    turn(a.data, a.ld, K, M, turned + 0, K);
    multiply_small(M, N, K, turned + 0, K, Right<T>{b.data, b.ld}, c, ldc, {});
    return true;
  }
  return false;
}

}  // namespace

template <class TA, class TB>
void multiply_transposed(const Pieces<TA>& a, const Pieces<TB>& b, acc_t<TA>* c, int64_t ldc, bool accumulate) {
  if (a.pieces * a.length == 0 || b.pieces * b.length == 0) return;
#ifdef CAMO_BF16_UNITS
  if constexpr (std::is_same_v<TA, bf16> && std::is_same_v<TB, bf16>)
    if (bf16_units() == Bf16Units::pairs) return multiply_by<Pair>(a, b, c, ldc, accumulate);
#endif
#ifdef CAMO_BF16_TILES
  if constexpr (std::is_same_v<TA, bf16> && std::is_same_v<TB, bf16>)
    if (bf16_units() == Bf16Units::tiles)
      return in_blocks(a.pieces * a.length, b.pieces * b.length, a.rows, 2 * kTile, 2 * kTile, c, ldc, accumulate,
                       [&](auto... block) { run_block_on_tiles(a, b, block...); });
#endif
  if (accumulate || !turn_and_multiply(a, b, c, ldc)) multiply_by<acc_t<TA>>(a, b, c, ldc, accumulate);
}

template void multiply_transposed(const Pieces<float>&, const Pieces<float>&, float*, int64_t, bool);
template void multiply_transposed(const Pieces<double>&, const Pieces<double>&, double*, int64_t, bool);
template void multiply_transposed(const Pieces<bf16>&, const Pieces<bf16>&, float*, int64_t, bool);
template void multiply_transposed(const Pieces<bf16>&, const Pieces<float>&, float*, int64_t, bool);

}  // namespace camo::kernel
