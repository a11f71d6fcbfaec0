// exp, log, erf and related functions for float, double and a Vec of them.  Each is written once, without
// branches or tables.
//
// Range reduction brings the argument near zero, a polynomial approximates the function there, and bit arithmetic on
// the exponent undoes the reduction.  The polynomials are truncated Taylor series where those are short, else Chebyshev
// fits made for this file.
// Largest relative error found: 4e-7 in float and 1e-15 in double, both for erf; half of that for the others.  The
// error of pow grows with |b log a|.
// CPU kernels always run the vector form, also on the tail of a row, so the bits of a result do not
// depend on its position.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tensor/hd.h"

namespace camo {

// Helpers that scalar functors use; Vec has its own `where`.
CAMO_HD inline float where(bool m, float a, float b) { return m ? a : b; }
CAMO_HD inline double where(bool m, double a, double b) { return m ? a : b; }

/// If either operand is NaN the result is b, as in the hardware's own instruction.
template <class A> CAMO_HD A min(A a, A b) { return where(a < b, a, b); }
template <class A> CAMO_HD A max(A a, A b) { return where(a > b, a, b); }

/// Type traits: the number type of A, and conversions from A to integers of the same bits and back.  float and double
/// stand for one number; tensor/cpu/vec.h has the same members for a vector register.
template <class A> struct Lanes;

template <class T, class I> struct OneLane {
  using type = T;
  using Int = I;
  CAMO_HD static Int bits(T x) { return std::bit_cast<Int>(x); }
  CAMO_HD static T real(Int i) { return std::bit_cast<T>(i); }
  CAMO_HD static T sqrt(T x) { return std::sqrt(x); }
};
template <> struct Lanes<float> : OneLane<float, int32_t> {};
template <> struct Lanes<double> : OneLane<double, int64_t> {};
template <class A> using lane_t = typename Lanes<A>::type;

/// float, double, or a Vec of them.
template <class A>
concept Real = requires {
  typename Lanes<A>::type;
};

namespace math {

template <class A> constexpr bool is_float = sizeof(lane_t<A>) == 4;
template <class A> constexpr int kFractionBits = is_float<A> ? 23 : 52;
template <class A> constexpr int kBias = is_float<A> ? 127 : 1023;
/// x + kRounder has the nearest integer to x in the low bits of its fraction.
template <class A> constexpr lane_t<A> kRounder = is_float<A> ? 0x1.8p23 : 0x1.8p52;

template <class A> CAMO_HD auto bits(A x) { return Lanes<A>::bits(x); }
template <class A> CAMO_HD A real(typename Lanes<A>::Int i) { return Lanes<A>::real(i); }

template <class A> CAMO_HD constexpr auto sign_bit() {
  return std::numeric_limits<typename Lanes<lane_t<A>>::Int>::min();
}

/// c0 + c1 x + c2 x^2 + ...
template <Real A> CAMO_HD A polynomial(A, double c) { return A(lane_t<A>(c)); }
template <Real A, class... C> CAMO_HD A polynomial(A x, double c, C... rest) {
  return A(lane_t<A>(c)) + x * polynomial(x, rest...);
}

/// x = n log 2 + r with |r| <= log(2) / 2.  n is returned as an integer in the low bits.
template <Real A> CAMO_HD typename Lanes<A>::Int reduce(A x, A& r) {
  using T = lane_t<A>;
  A shifted = x * A(T(1.4426950408889634)) + A(kRounder<A>);
  A n = shifted - A(kRounder<A>);
  if constexpr (is_float<A>) r = x - n * A(0.693145752f) - n * A(1.42860677e-6f);
  else r = x - n * A(0x1.62e42fefa3800p-1) - n * A(0x1.ef35793c76730p-45);
  return bits(shifted) - bits(A(kRounder<A>));
}

/// (e^r - 1) / r on |r| <= log(2) / 2.
template <Real A> CAMO_HD A exp_series(A r) {
  if constexpr (is_float<A>) return polynomial(r, 1, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040);
  else
    return polynomial(r, 1, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880,
                      1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800);
}

/// 2^n for n in the range of normal numbers.
template <Real A> CAMO_HD A power_of_two(typename Lanes<A>::Int n) {
  return real<A>((n + kBias<A>) << kFractionBits<A>);
}

}  // namespace math

template <Real A> CAMO_HD A abs(A x) { return math::real<A>(math::bits(x) & ~math::sign_bit<A>()); }
/// |x| with the sign of s.
template <Real A> CAMO_HD A copy_sign(A x, A s) {
  return math::real<A>((math::bits(x) & ~math::sign_bit<A>()) | (math::bits(s) & math::sign_bit<A>()));
}

template <Real A> CAMO_HD A sqrt(A x) { return Lanes<A>::sqrt(x); }

/// Infinity on overflow, NaN for NaN, and zero where e^x is no normal number: a processor takes a hundred cycles to make
/// a subnormal one.
template <Real A> CAMO_HD A exp(A x) {
  using T = lane_t<A>;
  const A low(T(math::is_float<A> ? -87.3365 : -708.396)), high(T(math::is_float<A> ? 89 : 710));
  auto vanishes = x < low;
  x = where(vanishes, low, where(x > high, high, x));
  A r;
  auto n = math::reduce(x, r);
  auto half = n >> 1;  // 2^128 is no number, though e^x may be one
  A y = A(1) + r * math::exp_series(r);
  return where(vanishes, A(0), y * math::power_of_two<A>(half) * math::power_of_two<A>(n - half));
}

/// -infinity at 0, NaN for negative x.
template <Real A> CAMO_HD A log(A x) {
  using T = lane_t<A>;
  using Limits = std::numeric_limits<T>;
  constexpr int bits = math::kFractionBits<A>;
  // Subnormals are first scaled up by 2^bits.
  auto tiny = x < A(Limits::min());
  A lifted = where(tiny, x * A(T(int64_t(1) << bits)), x);
  // The scaled number is m 2^e with m in [sqrt(1/2), sqrt(2)).
  auto e = (math::bits(lifted) - math::bits(A(T(0.70710678118654752)))) >> bits;
  A m = math::real<A>(math::bits(lifted) - (e << bits));
  A n = math::real<A>(math::bits(A(math::kRounder<A>)) + e) - A(math::kRounder<A>);
  n = where(tiny, n - A(T(bits)), n);
  // log(1 + f) = 2 atanh(s) with s = f / (2 + f), written as f - s (f - R) so that f enters without rounding.
  A f = m - A(1), s = f / (A(2) + f), z = s * s, R;
  if constexpr (math::is_float<A>) R = z * math::polynomial(z, 2. / 3, 2. / 5, 2. / 7, 2. / 9);
  else
    R = z * math::polynomial(z, 2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21);
  A high, low;
  if constexpr (math::is_float<A>) high = A(0.693145752f), low = A(1.42860677e-6f);
  else high = A(0x1.62e42fefa3800p-1), low = A(0x1.ef35793c76730p-45);
  A y = n * high + ((f - s * (f - R)) + n * low);
  y = where(x == A(Limits::infinity()), x, y);
  y = where(x > A(0), y, where(x == A(0), A(-Limits::infinity()), A(Limits::quiet_NaN())));
  return y;
}

/// log(1 + x) for x in [0, 1], accurate for small x too: 2 atanh(s), s = x / (2 + x) <= 1/3.
template <Real A> CAMO_HD A log1p(A x) {
  const A s = x / (A(2) + x), t = max(s, A(1e-10)), z = t * t;  // the square of a tiny s would be subnormal
  A R;
  if constexpr (math::is_float<A>) R = math::polynomial(z, 2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13);
  else
    R = math::polynomial(z, 2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21,
                         2. / 23, 2. / 25, 2. / 27, 2. / 29, 2. / 31);
  return s + s + s * (z * R);
}

template <Real A> CAMO_HD A tanh(A x) {
  using T = lane_t<A>;
  A t = camo::abs(x) * A(T(-2));
  const A low(T(math::is_float<A> ? -20 : -44));  // beyond this tanh rounds to -1
  t = where(t < low, low, t);
  A r;
  auto n = math::reduce(t, r);
  A scale = math::power_of_two<A>(n);
  A m = r * math::exp_series(r) * scale + (scale - A(1));  // e^t - 1 without cancellation
  return copy_sign(m / (m + A(2)), x);
}

/// x P(x^2) / Q(x^2) up to where erf rounds to 1.  All coefficients are positive, so nothing cancels.  The fit uses
/// Chebyshev points, reweighted to even out the relative error: 2.4e-8 for float, 5e-17 for double.
template <Real A> CAMO_HD A erf(A x) {
  using T = lane_t<A>;
  const A limit(T(math::is_float<A> ? 4 : 6));
  A c = where(x < -limit, -limit, where(x > limit, limit, x)), z = c * c, p, q;
  if constexpr (math::is_float<A>) {
    p = math::polynomial(z, 1.12837913966, 0.193528531297, 0.0530991984437, 0.00388251259943, 0.000284527331560,
                         1.98666973892e-6);
    q = math::polynomial(z, 1, 0.504842759004, 0.115342831567, 0.0152056333211, 0.00118533035152, 3.74169375751e-5);
  } else {
    p = math::polynomial(z, 1.12837916709551253, 0.221430194387659355, 0.0663437850584560924, 0.00695810222038399294,
                         0.000861846620029505362, 0.0000577180143755891628, 3.94208855781281145e-6,
                         1.72192989582499155e-7, 6.83710800650853112e-9, 1.74390135083894548e-10,
                         3.32598625638507301e-12, 2.1720906813049685e-14, 1.50806996941557143e-17);
    q = math::polynomial(z, 1, 0.529570733707911728, 0.135319226557938301, 0.022125316828888552, 0.00258617199822091729,
                         0.000228422651529184762, 0.0000156849704466634528, 8.46169636595901769e-7,
                         3.5643800549374458e-8, 1.13891341190679114e-9, 2.57027504774403087e-11,
                         3.27036974832961452e-13, 8.55928670088480299e-16);
  }
  return c * p / q;
}

/// a^b for a > 0.
template <Real A> CAMO_HD A pow(A a, A b) { return camo::exp(b * camo::log(a)); }

}  // namespace camo
