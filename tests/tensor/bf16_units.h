// Runs a test with each kind of bf16 instructions that this processor has.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "tensor/names.h"
#include "tensor/ops/matmul.h"

namespace camo::test {

/// Calls f(units); afterwards bf16 numbers are widened, as at the start of a program.
template <class F> void with_each_units(F f) {
  struct Restore {
    ~Restore() { use_bf16_units(Bf16Units::off); }
  } restore;
  for (Bf16Units units : {Bf16Units::off, Bf16Units::pairs, Bf16Units::tiles}) {
    CAPTURE(std::string(name_of(units)));
    if (use_bf16_units(units)) f(units);
  }
}

}  // namespace camo::test
