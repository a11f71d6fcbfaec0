// camo bench attention: flash (tiles, online softmax) against plain (a score matrix), forward and forward + backward.
//
// Each round runs both in turn; medians are printed, and the median of the ratios within a round.  The fraction of the peak
// counts 4 B heads N M D operations forward and 10 more backward (attention_backward.cpp computes the scores again).
#include <cmath>
#include <cstdio>

#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/options/config.h"
#include "examples/camo/options/format.h"
#include "tensor/memory/allocator.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

struct AttentionCase {
  int64_t batch, tokens, keys, heads, dim;
  double operations() const { return 14.0 * double(batch * tokens * keys * heads * dim); }
};

/// Inputs of one size, and the two ways over them.
struct AttentionBench {
  Device device;
  int heads;
  Var q, k, v;
  Tensor dy;

  AttentionBench(const AttentionCase& s, DType dtype, Device device) : device(device), heads(int(s.heads)) {
    auto numbers = [&](int64_t rows, uint64_t seed) {
      return cast(randn({s.batch, rows, s.heads * s.dim}, seed), dtype).to(device);
    };
    q = Var::leaf(numbers(s.tokens, 1)), dy = numbers(s.tokens, 4);
    k = Var::leaf(numbers(s.keys, 2)), v = Var::leaf(numbers(s.keys, 3));
  }

  struct Result {
    double forward, both;  // seconds
    int64_t bytes;         // most in use at once, beyond the inputs
    Tensor y, dq;
  };
  Result run(Var (*attend)(const Var&, const Var&, const Var&, int, double)) {
    for (Var* x : {&q, &k, &v}) x->set_grad({});
    reset_memory_peak(device);
    const int64_t before = memory_stats(device).in_use;
    Result out{};
    Var y;
    out.forward = seconds_of([&] { y = attend(q, k, v, heads, 0), synchronize(device); });
    out.both = out.forward + seconds_of([&] { backward(y, dy), synchronize(device); });
    out.bytes = memory_stats(device).peak - before, out.y = y.value(), out.dq = q.grad();
    return out;
  }
};

void bench_attention_case(const AttentionCase& s, DType dtype, Device device, int64_t rounds) {
  AttentionBench bench(s, dtype, device);
  const auto first = bench.run(attention), other = bench.run(plain_attention);
  auto difference = [](const Tensor& a, const Tensor& b) {
    return test::relative_error(a.to(Device{}), b.to(Device{}));
  };
  const double off = std::max(difference(first.y, other.y), difference(first.dq, other.dq));
  check<NumericError>(off < (dtype == DType::bf16 ? 0.05 : 1e-4), "camo bench attention: the two differ by ", off);
  std::vector<double> forward[2], both[2], ratio[2];
  for (int64_t round = 0; round < rounds; ++round) {
    const auto flash = bench.run(attention), plain = bench.run(plain_attention);
    forward[0].push_back(flash.forward), forward[1].push_back(plain.forward);
    both[0].push_back(flash.both), both[1].push_back(plain.both);
    ratio[0].push_back(plain.forward / flash.forward), ratio[1].push_back(plain.both / flash.both);
  }
  std::printf("%7lld %6lld  %9.2f %9.2f %6.2f   %9.2f %9.2f %6.2f   %9s %9s", (long long)s.tokens, (long long)s.keys,
              1e3 * median(forward[0]), 1e3 * median(forward[1]), median(ratio[0]), 1e3 * median(both[0]),
              1e3 * median(both[1]), median(ratio[1]), bytes_text(double(first.bytes)).c_str(),
              bytes_text(double(other.bytes)).c_str());
  if (device.kind == Device::cpu)
    std::printf("   %13.2f", s.operations() / median(both[0]) /
                                 measured_peak(threads(), dtype == DType::bf16 ? bf16_units() : Bf16Units::off));
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int bench_attention_command(const Arguments& words) {
  Machine machine;
  std::string sizes = "400,484,576,676";
  int64_t batch = 16, keys = 0, heads = 8, dim = 36, rounds = 11;
  Command command{.name = "bench attention",
                  .summary =
                      "Times attention without a score matrix (flash) against attention with one (plain): forward, "
                      "and forward and backward, with the most memory that each takes beyond its inputs.",
                  .usage = "camo bench attention [flags]",
                  .options = options(machine).only({"device", "precision", "bf16-units", "threads"})};
  command.options.add({{"sizes", &sizes, "numbers of tokens, as N,N,...; 484 is a map of 22 x 22"},
                       {"keys", &keys, "keys; 0: as many as tokens", 0, 1 << 20},
                       {"batch", &batch, "images", 1, 4096},
                       {"heads", &heads, "heads", 1, 1024},
                       {"dim", &dim, "channels of a head", 1, 4096},
                       {"rounds", &rounds, "timed rounds, after one that is not timed", 1, 1e4}});
  read(command, words);
  const std::vector<int64_t> tokens = list_of(sizes, "camo bench attention --sizes");
  apply_machine(machine);
  const DType dtype = machine.precision == Precision::bf16 ? DType::bf16 : DType::f32;
  std::printf("%s, %s, %d threads, batch %lld, %lld heads of %lld channels, ms, median of %lld rounds\n",
              describe(machine.device).c_str(), name_of(machine.precision), threads(), (long long)batch,
              (long long)heads, (long long)dim, (long long)rounds);
  std::printf("%7s %6s  %9s %9s %6s   %9s %9s %6s   %9s %9s   %s\n", "tokens", "keys", "flash", "plain", "ratio",
              "fl. + bw.", "pl. + bw.", "ratio", "flash", "plain",
              machine.device.kind == Device::cpu ? "flash of peak" : "");
  for (int64_t n : tokens)
    bench_attention_case({batch, n, keys > 0 ? keys : n, heads, dim}, dtype, machine.device, rounds);
  return 0;
}

}  // namespace camo::program
