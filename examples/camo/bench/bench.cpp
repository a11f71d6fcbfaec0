#include "examples/camo/bench/bench.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

#include "examples/camo/bench/timing.h"
#include "examples/camo/options/config.h"
#include "examples/camo/options/format.h"
#include "tensor/cpu/kernels/gemm_tiles.h"
#include "tensor/cpu/vec.h"
#include "tensor/error.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

constexpr int kRounds = 7, kRetries = 12;
constexpr double kSample = 0.012;                 // seconds
constexpr int kSums = kVecBytes == 64 ? 24 : 12;  // hides the latency of two units, fits the registers

/// Seconds of one call, averaged over `calls` calls.  A sample is taken again if other processes used the
/// processors meanwhile.
double sample(const std::function<void()>& run, int calls, int threads) {
  double seconds = 0;
  for (int attempt = 0; attempt < kRetries; ++attempt) {
    std::clock_t cpu = std::clock();
    seconds = seconds_of([&] {
      for (int i = 0; i < calls; ++i) run();
    });
    if (double(std::clock() - cpu) / CLOCKS_PER_SEC >= 0.97 * seconds * threads) break;
  }
  return seconds / calls;
}

/// Runs `steps` rounds of x = x a + b on as many registers as there are I; unrolled, so that they stay registers.
template <int... I> double peak_rate(int64_t steps, std::integer_sequence<int, I...>) {
  using V = Vec<float>;
  volatile float start = 0.5f, factor = 0.999f,
                 addend = 0.001f;  // no denormals, and not known at compile time
  V a(factor), b(addend), x[] = {V(start + float(I))...};
  double begin = now();
  for (int64_t i = 0; i < steps; ++i) ((x[I] = x[I] * a + b), ...);
  double seconds = now() - begin;
  volatile float keep = lane_sum((x[I] + ...));
  (void)keep;
  return 2.0 * V::size * sizeof...(I) * double(steps) / seconds;
}

#ifdef CAMO_BF16_UNITS
/// The same by the instruction for pairs.
template <int... I> double pairs_rate(int64_t steps, std::integer_sequence<int, I...>) {
  using U = kernel::Unit<kernel::Pair>;
  const std::vector<bf16> ones(2 * kSums, bf16(1.0f));
  const auto a = U::every(ones.data());
  Vec<float> x[] = {Vec<float>(float(I))...};
  const double begin = now();
  for (int64_t i = 0; i < steps; ++i) (U::add(x[I], a, a), ...);
  const double seconds = now() - begin;
  volatile float keep = lane_sum((x[I] + ...));
  (void)keep;
  return 4.0 * Vec<float>::size * sizeof...(I) * double(steps) / seconds;
}
#endif

/// The rate of one thread.
double rate_of([[maybe_unused]] Bf16Units units) {
  constexpr int64_t kSteps = 200000;
#ifdef CAMO_BF16_TILES
  if (units == Bf16Units::tiles) {
    const kernel::TileRegisters registers;
    const double seconds = seconds_of([] { kernel::repeat_tiles(kSteps / 4); });
    return 2.0 * 16 * 16 * 32 * double(kSteps) / seconds;
  }
#endif
#ifdef CAMO_BF16_UNITS
  if (units == Bf16Units::pairs) return pairs_rate(kSteps, std::make_integer_sequence<int, kSums>());
#endif
  return peak_rate(kSteps, std::make_integer_sequence<int, kSums>());
}

}  // namespace

std::vector<int64_t> list_of(const std::string& words, const std::string& label) {
  std::vector<int64_t> out;
  for (const std::string& word : split(words, ',')) {
    int64_t n = 0;
    const char* end = word.data() + word.size();
    const auto [at, error] = std::from_chars(word.data(), end, n);
    check<ConfigError>(error == std::errc() && at == end && n >= 1, label, ": takes N,N,... of at least 1, got '",
                       words, "'");
    out.push_back(n);
  }
  check<ConfigError>(!out.empty(), label, ": takes N,N,..., got nothing");
  return out;
}

double measured_peak(int threads, Bf16Units units) {
  std::vector<double> rates(static_cast<size_t>(threads));
  int before = camo::threads();
  set_threads(threads);
  parallel_chunks(threads, 1, [&](int64_t thread, int64_t) { rates[size_t(thread)] = rate_of(units); });
  set_threads(before);
  double total = 0;
  for (double rate : rates) total += rate;
  return total;
}

std::vector<double> bench_table(const std::string& title, std::vector<BenchRow> rows, const std::vector<int>& threads,
                                Bf16Units units) {
  std::vector<int> calls;
  for (const BenchRow& row : rows) {
    set_threads(threads.back());
    row.run();
    double once = sample(row.run, 1, 1);
    calls.push_back(std::max(1, int(kSample / once)));
  }
  std::vector<std::vector<std::vector<double>>> rate(threads.size()), fraction = rate;
  for (size_t t = 0; t < threads.size(); ++t) rate[t].resize(rows.size()), fraction[t].resize(rows.size());
  std::vector<std::vector<double>> peaks(threads.size());
  for (int round = 0; round < kRounds; ++round)
    for (size_t r = 0; r < rows.size(); ++r)
      for (size_t t = 0; t < threads.size(); ++t) {
        double peak = measured_peak(threads[t], units);
        set_threads(threads[t]);
        double got = rows[r].flops / sample(rows[r].run, calls[r], threads[t]);
        peaks[t].push_back(peak), rate[t][r].push_back(got), fraction[t][r].push_back(got / peak);
      }
  set_threads(0);

  std::printf("%s\n  %-34s", title.c_str(), "GFLOP/s (fraction of peak)");
  for (int t : threads) std::printf("  %6d thread%s", t, t > 1 ? "s" : " ");
  std::vector<double> means;
  for (size_t r = 0; r < rows.size(); ++r) {
    std::printf("\n  %-34s", rows[r].name.c_str());
    for (size_t t = 0; t < threads.size(); ++t)
      std::printf("  %7.0f (%.2f)", median(rate[t][r]) * 1e-9, median(fraction[t][r]));
  }
  std::printf("\n  %-34s", "geometric mean; peak");
  for (size_t t = 0; t < threads.size(); ++t) {
    double sum = 0;
    for (size_t r = 0; r < rows.size(); ++r) sum += std::log(median(fraction[t][r]));
    means.push_back(std::exp(sum / double(std::max<size_t>(rows.size(), 1))));
    std::printf("  %7.0f (%.2f)", median(peaks[t]) * 1e-9, means.back());
  }
  std::printf("\n");
  std::fflush(stdout);
  return means;
}

int bench_kernels_command(const std::string& subject, const Arguments& words) {
  Machine machine;
  Command command{.name = "bench " + subject,
                  .summary =
                      "Times kernels, with one thread and with all, against the peak of multiply-adds that is "
                      "measured in between.",
                  .usage = "camo bench " + subject + " [flags]",
                  .options = options(machine).only({"threads"})};
  read(command, words);
  set_threads(int(machine.threads));
  std::vector<int> counts{1};
  if (camo::threads() > 1) counts.push_back(camo::threads());
  if (subject != "conv") bench_gemm(counts);
  if (subject != "gemm") bench_conv(counts);
  return 0;
}

}  // namespace camo::program
