// Tensor, Shape, allocator, parallel loops, random numbers, vectors.
#include "tensor/tensor.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <thread>

#include "tensor/cpu/vec.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

using namespace camo;

TEST_CASE("a shape refuses products that overflow, even if an axis is 0") {
  CHECK(Shape{2, 3, 4}.numel() == 24);
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{5, 0}.numel() == 0);
  int64_t big = int64_t(1) << 40;
  CHECK_THROWS_AS((Shape{big, big}), ShapeError);
  CHECK_THROWS_AS((Shape{0, big, big}), ShapeError);
  CHECK_THROWS_AS((Shape{-1}), ShapeError);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1}), ShapeError);
  CHECK_THROWS_WITH_AS((Shape{2, 3}[2]), "shape: axis 2 is outside (2, 3)", ShapeError);
}

TEST_CASE("shapes broadcast as in numpy") {
  CHECK(broadcast({4, 1, 3}, {2, 1}, "t") == Shape{4, 2, 3});
  CHECK(broadcast({}, {5}, "t") == Shape{5});
  CHECK(broadcast({0, 3}, {1, 1}, "t") == Shape{0, 3});
  CHECK_THROWS_WITH_AS(broadcast({2, 3}, {4, 3}, "add"), "add: shapes do not broadcast: (2, 3) and (4, 3)", ShapeError);
}

TEST_CASE("copies alias, clones do not, views see the same numbers") {
  Tensor x = from<float>({0, 1, 2, 3, 4, 5}, {3, 2}), alias = x, copy = x.clone();
  x.write<float>()[2] = 9;
  CHECK(alias.read<float>()[2] == 9);
  CHECK(copy.read<float>()[2] == 2);
  CHECK(x.slice(1, 2).read<float>()[0] == 9);
  CHECK(x.slice(1, 3).slice(1, 2).read<float>()[0] == 4);
  CHECK(x.reshape({-1}).dim(0) == 6);
  CHECK(x.slice(1, 3).reshape({4}).read<float>()[3] == 5);
  CHECK(x.slice(3, 3).numel() == 0);
  CHECK_THROWS_AS(x.slice(2, 4), ShapeError);
  CHECK_THROWS_AS(x.reshape({4, 2}), ShapeError);
  CHECK_THROWS_AS(x.reshape({-1, 4}), ShapeError);
  CHECK_THROWS_AS(x.read<double>(), DTypeError);
  CHECK_THROWS_AS(Tensor().read<float>(), GraphError);
}

TEST_CASE("every write increments the version, and unique() detects other holders") {
  Tensor x = zeros({2});
  uint64_t before = x.version();
  x.write<float>();
  CHECK(x.version() == before + 1);
  CHECK(x.unique());
  Tensor view = x.reshape({2, 1});
  CHECK(!x.unique());
  CHECK(view.version() == x.version());
}

TEST_CASE("bf16 rounds to nearest even and keeps NaN and infinity") {
  CHECK(float(bf16(1.0f)) == 1.0f);
  CHECK(bf16(1.00390625f).bits == 0x3f80);  // halfway between 0x3f80 and 0x3f81: even wins
  CHECK(bf16(1.01171875f).bits == 0x3f82);  // halfway between 0x3f81 and 0x3f82: even wins
  CHECK(std::isnan(float(bf16(std::numeric_limits<float>::quiet_NaN()))));
  CHECK(std::isinf(float(bf16(3.4e38f))));
}

TEST_CASE("vectors load and store bf16 and tails like scalar code") {
  constexpr int n = Vec<float>::size;
  std::vector<float> in(n);
  for (int i = 0; i < n; ++i) in[i] = std::ldexp(1 + 0.013f * i, i % 7 - 3) * (i % 2 ? 1 : -1);
  in[n / 2] = std::numeric_limits<float>::quiet_NaN();
  std::vector<bf16> out(n), tail(n, bf16(7.0f));
  Vec<float>::load(in.data()).store(out.data());
  Vec<float>::load(in.data()).store(tail.data(), 3);
  for (int i = 0; i < n; ++i) {
    if (i != n / 2) CHECK(out[i].bits == bf16(in[i]).bits);
    if (i >= 3) CHECK(float(tail[i]) == 7.0f);
  }
  CHECK(std::isnan(float(out[n / 2])));
  Vec<float> three = Vec<float>::load(in.data(), 3);
  CHECK(three[2] == in[2]);
  CHECK(three[3] == 0);
}

TEST_CASE("freed memory is reused, and neighbours merge") {
  reset_memory_peak();
  MemoryStats before = memory_stats();
  {
    Tensor a = empty({1 << 20}, DType::f32), b = empty({1 << 20}, DType::f32);
    CHECK(memory_stats().in_use == before.in_use + (8 << 20));
  }
  CHECK(memory_stats().in_use == before.in_use);
  CHECK(memory_stats().peak >= before.in_use + (8 << 20));
  int64_t reserved = memory_stats().reserved;
  for (int i = 0; i < 100; ++i) Tensor c = empty({(1 << 21) - i}, DType::f32);  // fits where a and b were
  CHECK(memory_stats().reserved == reserved);
  CHECK_THROWS_AS(empty({int64_t(1) << 60}, DType::u8), MemoryError);
}

TEST_CASE("free memory can be given back to the system; blocks in use keep their bytes") {
  const auto resident = [] {
    std::ifstream file("/proc/self/statm");
    int64_t total = 0, pages = 0;
    file >> total >> pages;
    return pages * sysconf(_SC_PAGESIZE);
  };
  constexpr int64_t kBytes = 48 << 20;
  Tensor held = full({1000}, 3.0f);
  std::optional<Tensor> large = full({kBytes / 4}, 1.0f);
  const int64_t before = resident();
  large.reset();
  CHECK(resident() > before - kBytes / 2);
  return_free_memory();
  CHECK(resident() < before - kBytes * 3 / 4);
  CHECK(to_vector<float>(held) == std::vector<float>(1000, 3.0f));
  Tensor again = full({kBytes / 4}, 2.0f);
  CHECK(to_vector<float>(again)[kBytes / 8] == 2.0f);
}

TEST_CASE("parallel loops visit each index once and give the same sum for any thread count") {
  int before = threads();
  std::vector<float> x(100001);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 1.0f / float(i + 1);
  float sums[3];
  for (int n = 1; n <= 3; ++n) {
    set_threads(n);
    std::vector<int> visits(5000);
    parallel_for(5000, 100, [&](int64_t i) { ++visits[i]; });
    CHECK(std::count(visits.begin(), visits.end(), 1) == 5000);
    sums[n - 1] = parallel_sum<float>(int64_t(x.size()), 1000, [&](int64_t b, int64_t e) {
      float s = 0;
      for (int64_t i = b; i < e; ++i) s += x[i];
      return s;
    });
  }
  set_threads(before);
  CHECK(sums[0] == sums[1]);
  CHECK(sums[0] == sums[2]);
  CHECK(sums[0] == doctest::Approx(12.0901561).epsilon(1e-5));
  CHECK(parallel_sum<int>(0, 10, [](int64_t, int64_t) { return 1; }) == 0);
}

TEST_CASE("an exception propagates out of a parallel loop, and other threads run loops serially") {
  CHECK_THROWS_AS(parallel_for(1000, 10000, [](int64_t i) { check(i != 700, "bad"); }), ShapeError);
  std::atomic<int> distinct{0};
  std::thread worker([&] {
    std::thread::id me = std::this_thread::get_id();
    parallel_for(1000, 10000, [&](int64_t) { distinct += std::this_thread::get_id() != me; });
  });
  worker.join();
  CHECK(distinct == 0);
}

TEST_CASE("Philox gives the published test vectors") {
  // Random123's known answers for philox4x32-10: counter and key all zeros, then all ones.
  // A zero key means index 0, path 0, domain 0, call 0, step 0, seed 0.
  auto zero = philox({}, 0);
  CHECK(zero == std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
}

TEST_CASE("random tensors have the right moments and do not depend on the number of threads") {
  Tensor u = rand({200000}, 5), n = randn({200000}, 6);
  double mean_u = 0, mean_n = 0, var_n = 0;
  for (float v : to_vector<float>(u)) mean_u += v / 200000;
  for (float v : to_vector<float>(n)) mean_n += v / 200000, var_n += double(v) * v / 200000;
  CHECK(std::abs(mean_u - 0.5) < 0.003);
  CHECK(std::abs(mean_n) < 0.01);
  CHECK(std::abs(var_n - 1) < 0.01);
  int before = threads();
  set_threads(1);
  CHECK(equal_bits(n, randn({200000}, 6)));
  set_threads(before);
  CHECK(!equal_bits(n, randn({200000}, 7)));
  Random a({.seed = 1, .domain = Domain::shuffle}), b({.seed = 1, .domain = Domain::augment});
  CHECK(a.word() != b.word());
}
