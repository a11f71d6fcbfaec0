// cuda/gpu/blas.cpp over a stand-in for cuBLASLt (cublas/cublasLt.h): what it does when the library refuses algorithms that it
// has offered itself.
#define gemm gemm_by_library  // beside the one of the emulator
#include "cuda/gpu/blas.cpp"
#undef gemm

#include <doctest/doctest.h>

namespace camo::cuda {
void* take(int64_t bytes) {
  static std::vector<std::vector<char>> memory;
  return memory.emplace_back(size_t(bytes)).data();
}
}  // namespace camo::cuda

using namespace camo;
using namespace camo::cuda;

namespace {

alignas(16) float operand[64];

/// A product whose shape no other test has, so that its plan is fresh.
Gemm fresh_product(bool bias) {
  static int64_t M = 1;
  Gemm g{.M = ++M, .N = 4, .K = 4, .a = operand, .b = operand, .y = operand};
  if (bias) g.bias = operand;
  return g;
}

}  // namespace

TEST_CASE("the first algorithm that the library does not refuse is kept") {
  stand_in = {.refused = {0, 1}};
  const Gemm g = fresh_product(false);
  CHECK(gemm_by_library({}, g));
  CHECK(gemm_by_library({}, g));
  CHECK(stand_in.tried == std::vector<int>{0, 1, 2, 2});
}

TEST_CASE("if none runs with a bias, the product runs without and the caller adds it") {
  stand_in = {.refused = {100, 101, 102}};
  const Gemm g = fresh_product(true);
  CHECK_FALSE(gemm_by_library({}, g));
  CHECK_FALSE(gemm_by_library({}, g));
  CHECK(stand_in.tried == std::vector<int>{100, 101, 102, 0, 0});
  stand_in = {.refused = {100}};
  CHECK(gemm_by_library({}, fresh_product(true)));
  CHECK(stand_in.tried == std::vector<int>{100, 101});
  stand_in = {.finishing = 0};
  CHECK_FALSE(gemm_by_library({}, fresh_product(true)));
  CHECK(stand_in.tried == std::vector<int>{0});
}

TEST_CASE("an error is not a refusal, and a product that nothing computes names its shape") {
  const auto message = [](const Gemm& g) {
    try {
      gemm_by_library({}, g);
    } catch (const DeviceError& e) {
      return std::string(e.what());
    }
    return std::string("nothing was thrown");
  };
  stand_in = {.refused = {0, 1, 2}};
  CHECK(message(fresh_product(false)).find("by every algorithm") != std::string::npos);
  stand_in = {.refused = {0}, .refusal = CUBLAS_STATUS_INVALID_VALUE};
  CHECK(message(fresh_product(false)).find("CUBLAS_STATUS_INVALID_VALUE") != std::string::npos);
  CHECK(stand_in.tried == std::vector<int>{0});
}

TEST_CASE(
    "a batch of more than 65535 products leaves bias and activation to the caller, whatever its last part can do") {
  stand_in = {};
  Gemm g = fresh_product(true);
  g.batch = 65536;
  CHECK_FALSE(gemm_by_library({}, g));
  CHECK(stand_in.tried == std::vector<int>{0, 0});
}

TEST_CASE("the kernels that were launched last are named, the last one first") {
  RecentKernels kernels;
  CHECK(kernels.text() == "none");
  for (const char* name : {"a", "b", "c"}) kernels.add(name);
  CHECK(kernels.text() == "c, b, a");
  for (const char* name : {"d", "e", "f", "g", "h", "i"}) kernels.add(name);
  CHECK(kernels.text() == "i, h, g, f, e, d, c, b");
}
