#include "tensor/print.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace camo;

TEST_CASE("a small tensor is printed whole, in columns") {
  CHECK(to_string(from<float>({1, -2.5f, 3, 4}, {2, 2})) ==
        "f32 (2, 2): min -2.5, mean 1.375, max 4\n"
        "[[   1  -2.5]\n"
        " [   3     4]]");
  CHECK(to_string(from<int64_t>({7}, {})) == "i64 (): min 7, mean 7, max 7\n7");
  CHECK(to_string(full({2}, 1.5, DType::bf16)) == "bf16 (2): min 1.5, mean 1.5, max 1.5\n[1.5  1.5]");
  CHECK(to_string(from<uint8_t>({0, 255}, {1, 2})) == "u8 (1, 2): min 0, mean 127.5, max 255\n[[  0  255]]");
}

TEST_CASE("a large tensor is printed by its corners") {
  CHECK(to_string(arange(100).reshape(Shape{10, 10}), 2) ==
        "i64 (10, 10): min 0, mean 49.5, max 99\n"
        "[[ 0   1  ...   8   9]\n"
        " [10  11  ...  18  19]\n"
        " ...\n"
        " [80  81  ...  88  89]\n"
        " [90  91  ...  98  99]]");
  CHECK(to_string(zeros({1000, 1000, 3})).size() < 1000);
}

TEST_CASE("NaN and infinity are counted, and left out of the statistics") {
  Tensor x = from<float>({1, std::nanf(""), 3, -HUGE_VALF}, {4});
  CHECK(to_string(x) == "f32 (4): min 1, mean 2, max 3, 1 NaN, 1 infinite\n[   1   nan     3  -inf]");
  CHECK(to_string(full({2}, HUGE_VAL)) == "f32 (2): 2 infinite\n[inf  inf]");
}

TEST_CASE("empty and undefined tensors print, streams work") {
  CHECK(to_string(zeros({0, 3})) == "f32 (0, 3)");
  CHECK(to_string(Tensor()) == "undefined tensor");
  CHECK(text(zeros({1})) == "f32 (1): min 0, mean 0, max 0\n[0]");
}
