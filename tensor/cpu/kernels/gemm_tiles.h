// Products of bf16 numbers on the processor's matrix tiles (AMX).  Internal to tensor/cpu/kernels/.
//
// A tile register holds 16 rows of 64 bytes.  tdpbf16ps adds to 16 x 16 f32 sums the product of 16 x 32 bf16 numbers and
// 32 x 16, the latter as 16 rows of pairs at neighbouring k: the packing that Unit<Pair> has.  Two by two tiles of sums
// use each loaded tile twice.  The sums of one instruction are not a chain over k, so results differ from those of
// other units in the last digits.
// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS and TILELOADD.
#pragma once

#include "tensor/cpu/kernels/gemm.h"
#include "tensor/cpu/kernels/gemm_unit.h"

#ifdef CAMO_BF16_TILES
namespace camo::kernel {

constexpr int64_t kTile = 16;              // rows and columns of a tile of sums
constexpr int64_t kTileDepth = 2 * kTile;  // k of an instruction

/// Makes the tile registers of this thread usable while it lives.
class TileRegisters {
 public:
  TileRegisters() {
    struct alignas(64) Shapes {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    };
    const Shapes shapes;
    _tile_loadconfig(&shapes);
  }
  ~TileRegisters() { _tile_release(); }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
};

/// c (16 down, 16 across) = a b, plus the old c unless `first`; k runs over `steps` of 32.  a: rows lda numbers apart;
/// b: rows of pairs, ldb pairs apart; c: rows ldc apart.  Sums are in registers throughout.
template <int down, int across>
[[gnu::noinline]] void multiply_tiles(const bf16* a, int64_t lda, const Pair* b, int64_t ldb, int64_t steps, float* c,
                                      int64_t ldc, bool first) {
  static_assert(down >= 1 && down <= 2 && across >= 1 && across <= 2);
  __asm__ volatile("" ::: "memory");  // g++ 12 does not know that tile loads read memory
  const int64_t a_bytes = lda * 2, b_bytes = ldb * 4, c_bytes = ldc * 4;
  float* const lower = c + kTile * ldc;
  if (first) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, c, c_bytes);
    if constexpr (across == 2) _tile_loadd(1, c + kTile, c_bytes);
    if constexpr (down == 2) _tile_loadd(2, lower, c_bytes);
    if constexpr (down == 2 && across == 2) _tile_loadd(3, lower + kTile, c_bytes);
  }
  for (int64_t s = 0; s < steps; ++s, a += kTileDepth, b += kTile * ldb) {
    _tile_loadd(4, a, a_bytes);
    _tile_loadd(6, b, b_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (down == 2) {
      _tile_loadd(5, a + kTile * lda, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (across == 2) {
      _tile_loadd(7, b + kTile, b_bytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (down == 2 && across == 2) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, c_bytes);
  if constexpr (across == 2) _tile_stored(1, c + kTile, c_bytes);
  if constexpr (down == 2) _tile_stored(2, lower, c_bytes);
  if constexpr (down == 2 && across == 2) _tile_stored(3, lower + kTile, c_bytes);
}

/// The same for 1 or 2 tiles down and across.
inline void multiply_tiles(int64_t down, int64_t across, const bf16* a, int64_t lda, const Pair* b, int64_t ldb,
                           int64_t steps, float* c, int64_t ldc, bool first) {
  auto* run = down > 1 ? (across > 1 ? multiply_tiles<2, 2> : multiply_tiles<2, 1>)
                       : (across > 1 ? multiply_tiles<1, 2> : multiply_tiles<1, 1>);
  run(a, lda, b, ldb, steps, c, ldc, first);
}

/// 4 `rounds` of the instruction alone, on registers: what a product cannot pass.
inline void repeat_tiles(int64_t rounds) {
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

/// multiply on tiles (gemm_tiles.cpp).
template <class TB, class TC>
void multiply_on_tiles(const Pieces<bf16>& a, const Right<TB>& b, int64_t N, const Rows<TC>& c,
                       const Finish<float>& finish);

}  // namespace camo::kernel
#endif
