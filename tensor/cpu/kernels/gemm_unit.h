// One step of a product, so that the tile code is written once: a multiply-add of floats or doubles, or the processor's
// bf16 instruction, which multiplies two k at once and sums in f32.  Internal to tensor/cpu/kernels/.
//
// P is the packed element: one number, or a Pair of bf16 numbers at neighbouring k.
#pragma once

#include "tensor/cpu/vec.h"

#if defined(__AVX512BF16__) && defined(CAMO_MASKED_VECTORS)
#define CAMO_BF16_UNITS
#if defined(__AMX_TILE__) && defined(__AMX_BF16__)
#define CAMO_BF16_TILES
#endif
#endif

namespace camo::kernel {

template <class P> struct Unit {
  using Number = P;  // type of the operand read in place
  using Sum = P;
  using Wide = Vec<P>;
  static constexpr int kPer = 1;  // k per step
  static Wide every(const Number* p) { return Wide(*p); }
  static Wide load(const P* p) { return Wide::load(p); }
  static void add(Vec<Sum>& sum, Wide a, Wide b) { sum += a * b; }
  template <class T> static void store(Vec<Sum> y, T* p) { y.store(p); }
  /// Packs one step of `lanes` columns from rows k (first) and k + 1 (second; unused here).
  template <class T> static void pack(const T* first, const T*, int lanes, P* dst) {
    (lanes == Wide::size ? Wide::load(first) : Wide::load(first, lanes)).store(dst);
  }
};

struct Pair {
  bf16 first, second;
};

#ifdef CAMO_BF16_UNITS
template <> struct Unit<Pair> {
  using Number = bf16;
  using Sum = float;
  using Wide = __m512i;
  static constexpr int kPer = 2;
  static constexpr __mmask16 kAll = 0xffff;  // masked intrinsics, because g++ 12 warns about the plain ones
  static Wide every(const bf16* p) {
    int32_t both;
    std::memcpy(&both, p, sizeof both);
    return _mm512_set1_epi32(both);
  }
  static Wide every_last(const bf16* p) { return _mm512_set1_epi32(p->bits); }  // the second k counts as zero
  static Wide load(const Pair* p) { return _mm512_loadu_si512(p); }
  static void add(Vec<float>& sum, Wide a, Wide b) {
    sum.v = (Vec<float>::Native)_mm512_dpbf16_ps((__m512)sum.v, (__m512bh)a, (__m512bh)b);
  }
  static void store(Vec<float> y, float* p) { y.store(p); }
  static void store(Vec<float> y, bf16* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh((__m512)y.v));
  }
  static Wide rounded(Vec<float> x) {  // results in the lower half of each lane
    return _mm512_maskz_cvtepu16_epi32(kAll, (__m256i)_mm512_cvtneps_pbh((__m512)x.v));
  }
  template <class T> static Wide round(const T* p, int lanes) {
    return rounded(lanes == 16 ? Vec<float>::load(p) : Vec<float>::load(p, lanes));
  }
  static Wide round(const bf16* p, int lanes) {
    return _mm512_maskz_cvtepu16_epi32(kAll, _mm256_maskz_loadu_epi16(__mmask16((1u << lanes) - 1), p));
  }
  static void join(Wide low, Wide high, Pair* dst) {
    _mm512_storeu_si512(dst, _mm512_or_si512(low, _mm512_maskz_slli_epi32(kAll, high, 16)));
  }
  /// Rounded pairs of two vectors.
  static void join(Vec<float> first, Vec<float> second, Pair* dst) { join(rounded(first), rounded(second), dst); }
  template <class T> static void pack(const T* first, const T* second, int lanes, Pair* dst) {
    join(round(first, lanes), second ? round(second, lanes) : _mm512_setzero_si512(), dst);
  }
};
#endif

}  // namespace camo::kernel
