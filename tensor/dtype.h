// Element types.  bf16 is for storage: kernels convert it to f32, compute, and round once when they store.
//
//   f32, bf16, f64   numbers; f64 is for gradient checks, bf16 for activations
//   i64, u8          indices; images and masks
#pragma once

#include <bit>
#include <cstdint>
#include <ostream>
#include <type_traits>

#include "tensor/error.h"
#include "tensor/hd.h"

namespace camo {

enum class DType : uint8_t { f32, f64, bf16, i64, u8 };

/// The upper half of a float: 8 bits of exponent, 7 of fraction.  Rounds to nearest even; NaN stays NaN.
struct bf16 {
  uint16_t bits;
  bf16() = default;
  CAMO_HD explicit bf16(float x) {
    uint32_t u = std::bit_cast<uint32_t>(x);
    bits = x != x ? uint16_t(u >> 16 | 0x40) : uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
  }
  CAMO_HD explicit operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
};

template <class T> struct DTypeOf;
template <> struct DTypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct DTypeOf<bf16> { static constexpr DType value = DType::bf16; };
template <> struct DTypeOf<int64_t> { static constexpr DType value = DType::i64; };
template <> struct DTypeOf<uint8_t> { static constexpr DType value = DType::u8; };
template <class T> constexpr DType dtype_of = DTypeOf<T>::value;

/// The type in which kernels compute: double for double, else float.
template <class T> using acc_t = std::conditional_t<std::is_same_v<T, double>, double, float>;
constexpr DType acc_dtype(DType t) { return t == DType::f64 ? DType::f64 : DType::f32; }

constexpr int64_t size_of(DType t) {
  return t == DType::f64 || t == DType::i64 ? 8 : t == DType::f32 ? 4 : t == DType::bf16 ? 2 : 1;
}
constexpr bool is_float(DType t) { return t == DType::f32 || t == DType::f64 || t == DType::bf16; }
constexpr const char* name(DType t) {
  constexpr const char* names[] = {"f32", "f64", "bf16", "i64", "u8"};
  return names[int(t)];
}
inline std::ostream& operator<<(std::ostream& out, DType t) { return out << name(t); }

/// Calls f.operator()<T>() with the C++ type of t; throws DTypeError, naming the op, unless t is a floating type.
///   with_float(x.dtype(), "gelu", [&]<class T>() { ... x.read<T>() ... });
template <class F> decltype(auto) with_float(DType t, const char* op, F&& f) {
  if (t == DType::f32) return f.template operator()<float>();
  if (t == DType::f64) return f.template operator()<double>();
  if (t == DType::bf16) return f.template operator()<bf16>();
  throw DTypeError(text(op, ": takes f32, f64 or bf16, got ", t));
}

/// The same for every element type (copies, gathers, layout).
template <class F> decltype(auto) with_any(DType t, F&& f) {
  if (t == DType::i64) return f.template operator()<int64_t>();
  if (t == DType::u8) return f.template operator()<uint8_t>();
  return with_float(t, "any", std::forward<F>(f));
}

}  // namespace camo
