// Vec<T>: one hardware register of float or double, built on the compiler's vector types.
//
// Kernels are written once over Vec; its width follows the target (-DCAMO_ARCH).  A scalar functor written over a type
// A works for A = float, double and a Vec of them: comparisons give a mask, and `where` selects by it.
// Tails use the same code with load(p, n) and store(p, n), so the arithmetic of a number does not depend on its
// position in a row.  Vec<float> loads and stores bf16 memory, rounding to nearest even.
#pragma once

#include <cmath>
#include <cstring>
#include <utility>

#if defined(__AVX512BW__) && defined(__AVX512VL__)
#define CAMO_MASKED_VECTORS  // loads and stores of the first n lanes are single instructions
#include <immintrin.h>
#endif

#include "tensor/dtype.h"
#include "tensor/scalar/math.h"

namespace camo {

#if defined(__AVX512F__)
constexpr int kVecBytes = 64;
#elif defined(__AVX__)
constexpr int kVecBytes = 32;
#else
constexpr int kVecBytes = 16;
#endif

/// The width is part of the type, so that functions compiled for different processors are never merged by the linker.
template <class T, int Bytes = kVecBytes> struct Vec {
  static constexpr int size = kVecBytes / int(sizeof(T));
  using Int = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  typedef T Native __attribute__((vector_size(kVecBytes)));
  typedef Int Mask __attribute__((vector_size(kVecBytes)));  // all ones where true
  typedef uint16_t Half __attribute__((vector_size(kVecBytes / 2)));
  typedef uint32_t Word __attribute__((vector_size(kVecBytes)));

  Native v;

  Vec() = default;
  Vec(T s) : v(s - Native{}) {}  // a broadcast: x - 0 is x for every x (x + 0 is not, for -0), so no arithmetic remains
  static Vec of(Native v) {
    Vec out;
    out.v = v;
    return out;
  }

  static Vec load(const T* p) {
    Vec out;
    std::memcpy(&out.v, p, sizeof(Native));
    return out;
  }
  void store(T* p) const { std::memcpy(p, &v, sizeof(Native)); }
  /// The first n lanes; on load the others are zero, on store they are not written.
  static Vec load(const T* p, int n) {
#ifdef CAMO_MASKED_VECTORS
    if constexpr (sizeof(T) == 4) return of((Native)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p));
    else return of((Native)_mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p));
#else
    T tmp[size] = {};
    std::memcpy(tmp, p, size_t(n) * sizeof(T));
    return load(tmp);
#endif
  }
  void store(T* p, int n) const {
#ifdef CAMO_MASKED_VECTORS
    if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v);
    else _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), (__m512d)v);
#else
    T tmp[size];
    store(tmp);
    std::memcpy(p, tmp, size_t(n) * sizeof(T));
#endif
  }

  static Vec load(const bf16* p) requires std::is_same_v<T, float> {
#ifdef CAMO_MASKED_VECTORS
    return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#else
    Half h;
    std::memcpy(&h, p, sizeof h);
    Word w = __builtin_convertvector(h, Word) << 16;
    Vec out;
    std::memcpy(&out.v, &w, sizeof w);
    return out;
#endif
  }
  void store(bf16* p) const requires std::is_same_v<T, float> {
    Word w;
    std::memcpy(&w, &v, sizeof w);
    Word rounded = (w + 0x7fff + (w >> 16 & 1)) >> 16;
    Word nan = w >> 16 | 0x40;
    Word bits = v == v ? rounded : nan;
#ifdef CAMO_MASKED_VECTORS
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_maskz_cvtepi32_epi16(0xffff, (__m512i)bits));
#else
    Half h = __builtin_convertvector(bits, Half);
    std::memcpy(p, &h, sizeof h);
#endif
  }
  static Vec load(const bf16* p, int n) requires std::is_same_v<T, float> {
#ifdef CAMO_MASKED_VECTORS
    return widened(_mm256_maskz_loadu_epi16(__mmask16((1u << n) - 1), p));
#else
    bf16 tmp[size];
    std::memset(static_cast<void*>(tmp), 0, sizeof tmp);
    std::memcpy(static_cast<void*>(tmp), p, size_t(n) * sizeof(bf16));
    return load(tmp);
#endif
  }
  void store(bf16* p, int n) const requires std::is_same_v<T, float> {
    bf16 tmp[size];
    store(tmp);
#ifdef CAMO_MASKED_VECTORS
    _mm256_mask_storeu_epi16(p, __mmask16((1u << n) - 1), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tmp)));
#else
    std::memcpy(static_cast<void*>(p), tmp, size_t(n) * sizeof(bf16));
#endif
  }

#ifdef CAMO_MASKED_VECTORS
  /// 16 bf16 numbers.  The masked intrinsic avoids a compiler warning about an undefined operand in the plain one.
  static Vec widened(__m256i h) { return of((Native)((Word)_mm512_maskz_cvtepu16_epi32(0xffff, h) << 16)); }
#endif

  T operator[](int lane) const { return v[lane]; }

  friend Vec operator+(Vec a, Vec b) { return of(a.v + b.v); }
  friend Vec operator-(Vec a, Vec b) { return of(a.v - b.v); }
  friend Vec operator*(Vec a, Vec b) { return of(a.v * b.v); }
  friend Vec operator/(Vec a, Vec b) { return of(a.v / b.v); }
  friend Vec operator-(Vec a) { return of(-a.v); }
  Vec& operator+=(Vec b) {
    v += b.v;
    return *this;
  }
  Vec& operator-=(Vec b) {
    v -= b.v;
    return *this;
  }
  Vec& operator*=(Vec b) {
    v *= b.v;
    return *this;
  }
  friend Mask operator<(Vec a, Vec b) { return Mask(a.v < b.v); }
  friend Mask operator>(Vec a, Vec b) { return Mask(a.v > b.v); }
  friend Mask operator<=(Vec a, Vec b) { return Mask(a.v <= b.v); }
  friend Mask operator>=(Vec a, Vec b) { return Mask(a.v >= b.v); }
  friend Mask operator==(Vec a, Vec b) { return Mask(a.v == b.v); }
};

template <class T> Vec<T> where(typename Vec<T>::Mask m, Vec<T> a, Vec<T> b) { return Vec<T>::of(m ? a.v : b.v); }
inline Vec<float> where(Vec<float>::Mask m, Vec<float> a, Vec<float> b) { return Vec<float>::of(m ? a.v : b.v); }
inline Vec<double> where(Vec<double>::Mask m, Vec<double> a, Vec<double> b) { return Vec<double>::of(m ? a.v : b.v); }

/// The members that tensor/scalar/math.h needs for a type.
template <class T> struct Lanes<Vec<T>> {
  using type = T;
  using Int = typename Vec<T>::Mask;
  static Int bits(Vec<T> x) { return (Int)(x.v); }
  static Vec<T> real(Int i) { return Vec<T>::of((typename Vec<T>::Native)i); }
  static Vec<T> sqrt(Vec<T> x) {
    T lane[Vec<T>::size];
    x.store(lane);
    for (T& l : lane) l = std::sqrt(l);  // compilers turn this loop into one instruction
    return Vec<T>::load(lane);
  }
};

namespace detail {
template <class N, size_t... I> auto half(N v, size_t first, std::index_sequence<I...>) {
  if (first == 0) return __builtin_shufflevector(v, v, I...);
  return __builtin_shufflevector(v, v, (I + sizeof...(I))...);
}
/// Combines lower and upper half by f repeatedly, down to one number.
template <class N, class F> auto fold(N v, const F& f) {
  constexpr size_t lanes = sizeof(v) / sizeof(v[0]);
  if constexpr (lanes == 2) return f(v[0], v[1]);
  else {
    using Half = std::make_index_sequence<lanes / 2>;
    return fold(f(half(v, 0, Half{}), half(v, 1, Half{})), f);
  }
}
}  // namespace detail

/// Sum and maximum of all lanes in a fixed order (halves onto halves).
template <class T> T lane_sum(Vec<T> x) {
  return detail::fold(x.v, [](auto a, auto b) { return a + b; });
}
template <class T> T lane_max(Vec<T> x) {
  return detail::fold(x.v, [](auto a, auto b) { return a > b ? a : b; });
}

}  // namespace camo
