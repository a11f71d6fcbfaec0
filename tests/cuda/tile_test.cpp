// Tiles of tensor cores and asynchronous copies, in emulation: what they compute, and mistakes that must show.
#include "cuda/tools/tile.cuh"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/random.h"

using namespace camo;
using namespace camo::cuda;

namespace {

constexpr int kM = 16, kN = 8;

struct Bf16Matrix {
  int rows, columns;
  std::vector<bf16> numbers;
  Bf16Matrix(int rows, int columns, uint64_t seed) : rows(rows), columns(columns) {
    const Tensor x = randn({rows, columns}, seed);
    for (int64_t i = 0; i < x.numel(); ++i) numbers.push_back(bf16(x.read<float>()[i]));
  }
  float at(int i, int j) const { return float(numbers[size_t(i * columns + j)]); }
};

enum class Mistake { none, swapped_words, no_wait, no_commit, one_group_too_many, no_barrier };

/// c (16, 8) = a (16, K) b (K, 8) by one warp: 16 columns of a and rows of b at a time come by asynchronous copies, one stage ahead.
/// turned: b holds b^T, (8, K).
__global__ void product_by_tiles(const bf16* a, const bf16* b, bool turned, int K, float* c, Mistake mistake) {
  SHARED(bf16, left, [2][kM][16]);
  SHARED(bf16, right, [2][16 * kN]);
  const int lane = int(threadIdx.x) % 32;
  const auto fetch = [&](int k, int stage) {
    copy_async(&left[stage][lane / 2][lane % 2 * 8], a + lane / 2 * K + k + lane % 2 * 8);
    if (lane < 16)
      copy_async(&right[stage][lane * 8], turned ? b + lane / 2 * K + k + lane % 2 * 8 : b + (k + lane) * kN);
    if (mistake != Mistake::no_commit) commit();
  };
  FragmentC sums;
  fetch(0, 0);
  for (int k = 0, stage = 0; k < K; k += 16, stage ^= 1) {
    if (k + 16 < K) fetch(k + 16, stage ^ 1);
    if (mistake == Mistake::one_group_too_many) wait<2>();
    else if (mistake != Mistake::no_wait && k + 16 < K) wait<1>();
    else if (mistake != Mistake::no_wait) wait<0>();
    if (mistake != Mistake::no_barrier) __syncwarp();
    FragmentA fa = load_a(&left[stage][lane % 16][lane / 16 * 8]);
    const FragmentB fb =
        turned ? load_bt(&right[stage][lane % 8 * 16 + lane / 8 % 2 * 8]) : load_b(&right[stage][lane % 16 * kN]);
    if (mistake == Mistake::swapped_words) std::swap(fa.words[1], fa.words[2]);
    mma(sums, fa, fb);
    if (mistake != Mistake::no_barrier) __syncwarp();  // before the stage is filled again
  }
  wait<0>();
  for (int i = 0; i < 4; ++i) c[FragmentC::row(lane, i) * kN + FragmentC::column(lane, i)] = sums.sums[i];
}

/// The largest error of the kernel's product, NaN included as infinity; what it throws is given to `said`.
double tile_error(int K, bool turned, Mistake mistake, uint64_t schedule, std::string* said = nullptr) {
  const Bf16Matrix a(kM, K, 1), b(turned ? kN : K, turned ? K : kN, 2);
  alignas(16) std::vector<float> c(kM * kN, NAN);
  void* from_a = emulate::allocate(int64_t(a.numbers.size()) * 2);
  void* from_b = emulate::allocate(int64_t(b.numbers.size()) * 2);
  std::memcpy(from_a, a.numbers.data(), a.numbers.size() * 2),
      std::memcpy(from_b, b.numbers.data(), b.numbers.size() * 2);
  emulate::set_schedule(schedule);
  try {
    launch(Cuda{}, "tiles", 1, 32, 0, product_by_tiles, static_cast<const bf16*>(from_a),
           static_cast<const bf16*>(from_b), turned, K, c.data(), mistake);
  } catch (const DeviceError& e) {
    if (said) *said = e.what();
  }
  emulate::set_schedule(0);
  emulate::release(from_a), emulate::release(from_b);
  double worst = 0;
  for (int m = 0; m < kM; ++m)
    for (int n = 0; n < kN; ++n) {
      double sum = 0;
      for (int k = 0; k < K; ++k) sum += double(a.at(m, k)) * double(turned ? b.at(n, k) : b.at(k, n));
      const double error = std::abs(double(c[size_t(m * kN + n)]) - sum);
      worst = std::max(worst, std::isfinite(error) ? error : INFINITY);
    }
  return worst;
}

/// One warp calls f(lane, shared memory of 64 bf16, global memory).
template <class F> std::string tile_message(const F& f) {
  auto* global = static_cast<bf16*>(emulate::allocate(256));
  std::string said = "nothing was thrown";
  try {
    emulate::run("mistaken", 1, 32, 0, [&] {
      SHARED(bf16, shared, [64]);
      f(int(threadIdx.x), &shared[0], global);
    });
  } catch (const DeviceError& e) {
    said = e.what();
  }
  emulate::release(global);
  return said;
}

}  // namespace

TEST_CASE("a product of tiles equals plain loops, for both layouts of the right operand and every order of threads") {
  for (int K : {16, 32, 80})
    for (bool turned : {false, true})
      for (uint64_t schedule : {0, 1, 2, 3, 4, 5}) {
        CAPTURE(K);
        CAPTURE(turned);
        CAPTURE(schedule);
        CHECK(tile_error(K, turned, Mistake::none, schedule) < 1e-4);
      }
}

TEST_CASE("a wrong order of fragments, a missing wait or commit, and a wrong number of groups give wrong numbers") {
  CHECK(tile_error(48, false, Mistake::swapped_words, 0) > 0.1);
  CHECK(std::isinf(tile_error(48, false, Mistake::no_wait, 0)));
  CHECK(std::isinf(tile_error(48, false, Mistake::one_group_too_many, 0)));
  std::string said;
  CHECK(std::isinf(tile_error(48, false, Mistake::no_commit, 0, &said)));
  CHECK_MESSAGE(said.find("a thread waits for its copies before it ends") != std::string::npos, said);
}

TEST_CASE("what other lanes have copied is there after a barrier, and not for certain before") {
  double worst = 0;
  for (uint64_t schedule = 0; schedule < 6; ++schedule)
    worst = std::max(worst, tile_error(48, false, Mistake::no_barrier, schedule));
  CHECK(std::isinf(worst));
}

TEST_CASE("addresses of ldmatrix and cp.async are multiples of 16 bytes, and in shared memory") {
  const auto has = [](const std::string& said, const char* words) {
    CHECK_MESSAGE(said.find(words) != std::string::npos, said);
  };
  has(tile_message([](int lane, bf16* shared, bf16*) { load_b(shared + lane % 4 * 8 + (lane == 5)); }), "not aligned");
  has(tile_message([](int, bf16*, bf16* global) { load_b(global); }), "elsewhere");
  has(tile_message([](int lane, bf16* shared, bf16* global) { copy_async(shared + lane, global); }), "not aligned");
  has(tile_message([](int, bf16*, bf16* global) { copy_async(global, global); }), "elsewhere");
  has(tile_message([](int lane, bf16* shared, bf16* global) { copy_async(shared + lane % 8 * 8, global), commit(); }),
      "waits for its copies");
}

TEST_CASE("an invalid copy fills with zeros and reads nothing") {
  bf16 seen = bf16(1.f);
  const std::string said = tile_message([&](int lane, bf16* shared, bf16*) {
    copy_async(shared + lane % 8 * 8, nullptr, false), commit(), wait<0>();
    if (lane == 3) seen = shared[29];
  });
  CHECK(said == "nothing was thrown");
  CHECK(float(seen) == 0);
}

TEST_CASE("a lane that does not come to mma is named") {
  CHECK(tile_message([](int lane, bf16*, bf16*) {
          FragmentC c;
          if (lane != 7) mma(c, {}, {});
        }).find("mma") != std::string::npos);
}
