// The ladders of the GPU, in the emulator: each rung against the definition in f64, and what it asks of memory.
//
// Counts are exact and the same on every machine, so the chapter shows them (cuda/10_gpu.md).  Times need a GPU.
#include <cmath>
#include <cstdio>

#include "examples/ladders/gpu/norm/3_registers.cuh"
#include "examples/ladders/gpu/product/4_tensor.cuh"
#include "examples/ladders/gpu/sum/1_thread.cuh"
#include "examples/ladders/gpu/sum/2_warp.cuh"
#include "examples/ladders/gpu/sum/5_packs.cuh"
#include "tensor/random.h"

using namespace camo;
using namespace camo::ladder;

namespace {

/// Numbers in emulated device memory.
template <class T> struct DeviceNumbersOf {
  int64_t n;
  T* at;
  explicit DeviceNumbersOf(int64_t n) : n(n), at(static_cast<T*>(emulate::allocate(n * int64_t(sizeof(T))))) {}
  ~DeviceNumbersOf() { emulate::release(at); }
  DeviceNumbersOf(const DeviceNumbersOf&) = delete;
  void fill(uint64_t seed) {
    const Tensor x = randn({n}, seed);
    for (int64_t i = 0; i < n; ++i) at[i] = T(x.read<float>()[i]);
  }
};
using DeviceNumbers = DeviceNumbersOf<float>;

/// The largest error over the largest number.
double error(const DeviceNumbers& y, const std::vector<double>& truth) {
  double worst = 0, largest = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    largest = std::max(largest, std::abs(truth[i]));
    worst = std::max(worst, std::isfinite(y.at[i]) ? std::abs(double(y.at[i]) - truth[i]) : INFINITY);
  }
  return worst / largest;
}

/// Prints a rung's line; false if it is wrong.
bool report(const char* name, const Counts& counts, int64_t bytes, double error) {
  int64_t sectors = 0, longest = 0;
  for (const auto& [load, touched] : counts.sectors) sectors += int64_t(touched.size());
  for (const auto& [thread, loads] : counts.loads) longest = std::max(longest, loads);
  std::printf("%-12s %8zu %14lld %18.2f\n", name, counts.loads.size(), (long long)longest,
              double(sectors) * 32 / double(bytes));
  return error < 1e-5 || std::printf("  ^ wrong by %.1e of the largest number\n", error) == 0;
}

bool sums() {
  const int64_t n = 65536 + 96;  // a multiple of 8, so that device memory, which ends at a page, begins with a sector
  DeviceNumbers x(n), part(n / kPiece + 1), y(1);
  x.fill(1);
  for (int64_t i = 0; i < n; ++i) x.at[i] += 1;  // so that the sum is not near 0
  double truth = 0, odd_truth = 0;
  for (int64_t i = 0; i < n; ++i) truth += x.at[i], odd_truth += i < n - 3 ? x.at[i] : 0;
  struct Rung {
    const char* name;
    void (*watched)(Cuda, Watched<float>, int64_t, float*, float*);
    void (*plain)(Cuda, const float*, int64_t, float*, float*);
  };
  const Rung rungs[] = {{"1_thread", sum_1_thread<Watched<float>>, sum_1_thread<const float*>},
                        {"2_warp", sum_2_warp<Watched<float>>, sum_2_warp<const float*>},
                        {"3_block", sum_3_block<Watched<float>>, sum_3_block<const float*>},
                        {"4_stages", sum_4_stages<Watched<float>>, sum_4_stages<const float*>},
                        {"5_packs", sum_5_packs<Watched<float>>, sum_5_packs<const float*>}};
  std::printf("%-12s %8s %14s %18s\n", "sum", "threads", "loads in a row", "sectors over least");
  bool good = true;
  for (const Rung& rung : rungs) {
    Counts counts;
    rung.plain(Cuda{}, x.at, n - 3, part.at, y.at);  // an odd number
    good = error(y, {odd_truth}) < 1e-5 && good;
    rung.plain(Cuda{}, x.at, n, part.at, y.at);
    const float bits = y.at[0];
    rung.watched(Cuda{}, {x.at, &counts}, n, part.at, y.at);
    good = report(rung.name, counts, 4 * n, error(y, {truth})) && bits == y.at[0] && good;
  }
  return good;
}

bool norms() {
  const int64_t R = 256, C = 64;
  DeviceNumbers x(R * C), y(R * C);
  x.fill(2);
  std::vector<double> truth;
  for (int64_t r = 0; r < R; ++r) {
    double mean = 0, variance = 0;
    for (int64_t c = 0; c < C; ++c) mean += double(x.at[r * C + c]) / double(C);
    for (int64_t c = 0; c < C; ++c) variance += std::pow(x.at[r * C + c] - mean, 2) / double(C);
    for (int64_t c = 0; c < C; ++c) truth.push_back((x.at[r * C + c] - mean) / std::sqrt(variance + double(kLeast)));
  }
  struct Rung {
    const char* name;
    void (*run)(Cuda, Watched<float>, int64_t, int64_t, float*);
  };
  const Rung rungs[] = {{"1_thread", norm_1_thread<Watched<float>>},
                        {"2_warp", norm_2_warp<Watched<float>>},
                        {"3_registers", norm_3_registers<Watched<float>>}};
  std::printf("\n%-12s %8s %14s %18s\n", "norm", "threads", "loads in a row", "sectors over least");
  bool good = true;
  for (const Rung& rung : rungs) {
    Counts counts;
    rung.run(Cuda{}, {x.at, &counts}, R, C, y.at);
    good = report(rung.name, counts, 4 * R * C, error(y, truth)) && good;
  }
  return good;
}

bool products() {
  const Sizes s{128, 192, 128};
  DeviceNumbersOf<bf16> narrow_A(s.M * s.K), narrow_B(s.K * s.N);
  DeviceNumbers A(s.M * s.K), B(s.K * s.N), C(s.M * s.N);
  narrow_A.fill(3), narrow_B.fill(4);
  for (int64_t i = 0; i < A.n; ++i) A.at[i] = float(narrow_A.at[i]);  // the same numbers for all rungs
  for (int64_t i = 0; i < B.n; ++i) B.at[i] = float(narrow_B.at[i]);
  std::vector<double> truth(size_t(s.M * s.N));
  for (int64_t i = 0; i < s.M * s.N; ++i)
    for (int64_t k = 0; k < s.K; ++k)
      truth[size_t(i)] += double(A.at[i / s.N * s.K + k]) * double(B.at[k * s.N + i % s.N]);
  const int64_t numbers = s.M * s.K + s.K * s.N;
  std::printf("\n%-12s %8s %14s %18s\n", "product", "threads", "loads in a row", "sectors over least");
  bool good = true;
  const auto climb = [&](const char* name, int64_t bytes, const auto& run) {
    Counts counts;
    std::fill_n(C.at, C.n, NAN);
    run(&counts);
    good = report(name, counts, bytes, error(C, truth)) && good;
  };
  const auto wide = [&](auto* rung) {
    return [&, rung](Counts* counts) {
      rung(Cuda{}, Watched<float>{A.at, counts}, Watched<float>{B.at, counts}, s, C.at);
    };
  };
  climb("1_naive", 4 * numbers, wide(product_1_naive<Watched<float>>));
  climb("2_shared", 4 * numbers, wide(product_2_shared<Watched<float>>));
  climb("3_registers", 4 * numbers, wide(product_3_registers<Watched<float>>));
  climb("4_tensor", 2 * numbers, [&](Counts* counts) {
    product_4_tensor(Cuda{}, Watched<bf16>{narrow_A.at, counts}, Watched<bf16>{narrow_B.at, counts}, s, C.at);
  });
  return good;
}

}  // namespace

int main() {
  const bool right = sums(), normal = norms();
  return products() && right && normal ? 0 : 1;
}
