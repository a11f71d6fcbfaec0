// Messages between processes: what is packed comes out, and a message that ends too early is an error.
#include "tensor/pack.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/ops/layout.h"
#include "tensor/random.h"

using namespace camo;

namespace {

struct Pair {
  double x;
  int y;
};

}  // namespace

TEST_CASE("tensors, numbers, texts and structs come out of a message in their order") {
  std::string bytes;
  const Tensor matrix = randn({3, 5}, 7), none = zeros({0, 4}), number = full({}, 42, DType::i64);
  const Tensor half = cast(randn({2, 2, 2}, 8), DType::bf16);
  pack(bytes, matrix), pack(bytes, std::numeric_limits<int64_t>::min()), pack(bytes, none);
  pack(bytes, std::string_view("two\0words", 9)), pack(bytes, -0.0), pack(bytes, number);
  pack(bytes, std::string_view()), pack_struct(bytes, Pair{0.5, -3}), pack(bytes, half);
  std::string_view left = bytes;
  CHECK(equal_bits(unpack(left), matrix));
  CHECK(unpack_integer(left) == std::numeric_limits<int64_t>::min());
  const Tensor empty_one = unpack(left);
  CHECK((empty_one.shape() == Shape{0, 4}));
  CHECK(unpack_text(left) == std::string("two\0words", 9));
  CHECK(std::signbit(unpack_number(left)));
  CHECK(equal_bits(unpack(left), number));
  CHECK(unpack_text(left).empty());
  const Pair pair = unpack_struct<Pair>(left);
  CHECK((pair.x == 0.5 && pair.y == -3));
  CHECK(equal_bits(unpack(left), half));
  CHECK(left.empty());
}

TEST_CASE("a message that ends too early is a DataError, wherever it ends") {
  std::string bytes;
  pack(bytes, randn({3, 5}, 7));
  for (size_t n = 0; n < bytes.size(); ++n) {
    std::string_view left(bytes.data(), n);
    CHECK_THROWS_WITH_AS(unpack(left), doctest::Contains("the message ends too early"), DataError);
  }
}
