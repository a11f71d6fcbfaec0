// Converts one number to another type.
#pragma once

#include <limits>

#include "tensor/dtype.h"

namespace camo {

/// Float to integer truncates toward zero and saturates at the ends of the range; NaN gives 0.
template <class To, class From> CAMO_HD To convert(From x) {
  if constexpr (std::is_same_v<From, bf16>) return convert<To>(float(x));
  else if constexpr (std::is_same_v<To, bf16>) return bf16(float(x));
  else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    constexpr From low = From(std::numeric_limits<To>::min());
    constexpr From end = 2 * From(To(1) << (std::numeric_limits<To>::digits - 1));  // one past the largest value of To
    return x != x     ? To(0)
           : x <= low ? std::numeric_limits<To>::min()
           : x >= end ? std::numeric_limits<To>::max()
                      : To(x);
  } else return To(x);
}

}  // namespace camo
