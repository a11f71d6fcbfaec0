// camo bench recompute: what each choice of --recompute saves in memory, and what it costs in time.
//
// Each choice trains the same network for some steps in a process of its own, so that peaks of memory do not mix; the
// processes run one after another, round by round.  The weights after the steps must be the same in all of them.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/options/format.h"
#include "examples/camo/record/process_memory.h"
#include "examples/camo/run/learner.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

struct Measured {
  double ms = 0;               // median step after the first
  int64_t kept = 0, peak = 0;  // bytes kept for the backward pass; most resident bytes
  uint64_t digest = 0;         // of the weights after the steps
};

Measured trained(const TrainConfig& c, int64_t steps) {
  set_threads(int(c.threads));
  Learner learner(c, /*fresh=*/true);
  Measured out;
  std::vector<double> ms;
  for (int64_t step = 0; step < steps; ++step) {
    Tensor mask = cast(randn({c.batch_size, c.size.height, c.size.width, 1}, uint64_t(2 * step + 2)), DType::f32);
    for (int64_t i = 0; i < mask.numel(); ++i) mask.write<float>()[i] = mask.read<float>()[i] > 0;
    std::vector<Sample> batch{{randn({c.batch_size, c.size.height, c.size.width, 3}, uint64_t(2 * step + 1)), mask}};
    StepReport report;
    ms.push_back(1e3 * seconds_of([&] { report = learner.step(batch, c.lr, nullptr); }));
    check<NumericError>(report.accepted, "bench recompute: step ", step, ": NaN or infinity in ", report.culprit);
    out.kept = report.bytes_kept;
  }
  out.ms = median({ms.begin() + (steps > 1), ms.end()}), out.peak = peak_resident_bytes();
  for (const auto& [name, t] : nn::state_dict(learner.model()))
    out.digest ^= hash(text(name, hash({static_cast<const char*>(t.raw()), size_t(t.bytes())})));
  return out;
}

/// trained() in another process; ConfigError if that process fails, which has then said why.
Measured trained_apart(const TrainConfig& c, int64_t steps) {
  std::array<int, 2> ends{};
  check<ConfigError>(::pipe(ends.data()) == 0, "bench recompute: the system gives no pipe");
  std::fflush(nullptr);
  const pid_t child = ::fork();
  check<ConfigError>(child >= 0, "bench recompute: the system gives no process");
  if (child == 0) {
    try {
      const Measured mine = trained(c, steps);
      ::_exit(::write(ends[1], &mine, sizeof mine) == sizeof mine ? 0 : 1);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
      ::_exit(1);
    }
  }
  ::close(ends[1]);
  Measured out;
  const bool whole = ::read(ends[0], &out, sizeof out) == sizeof out;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  check<ConfigError>(whole && status == 0, "bench recompute: --recompute ", name_of(c.recompute), " failed");
  return out;
}

}  // namespace

int bench_recompute_command(const Arguments& words) {
  TrainConfig c;
  c.size = {352, 352}, c.batch_size = 4, c.threads = 2;
  int64_t steps = 3, rounds = 3;
  Command command{.name = "bench recompute",
                  .summary =
                      "Trains a network on noise for some steps with each choice of --recompute, each in a process "
                      "of its own.  Prints the bytes kept for the backward pass, the most resident memory, the time of "
                      "a step and a digest of the weights, which must be the same for all.",
                  .usage = "camo bench recompute [flags]",
                  .options = {{"steps", &steps, "optimizer steps, of which the first is not timed", 1, 1e6},
                              {"rounds", &rounds, "rounds over the choices; medians are printed", 1, 1e4}}};
  command.options.add(
      options(c).only({"model", "backbone", "size", "batch-size", "seed", "precision", "drop-path", "threads"}));
  read(command, words);
  constexpr auto names = names_of(moe::Recompute{});
  std::array<std::vector<double>, names.size()> ms, ratio;
  std::array<Measured, names.size()> last;
  for (int64_t round = 0; round < rounds; ++round)
    for (size_t i = 0; i < names.size(); ++i) {
      c.recompute = moe::Recompute(i);
      last[i] = trained_apart(c, steps);
      ms[i].push_back(last[i].ms), ratio[i].push_back(last[i].ms / ms[0].back());
      check<NumericError>(last[i].digest == last[0].digest, "bench recompute: the weights with --recompute ", names[i],
                          " differ from those without");
    }
  std::printf("%s on %s, %s, batch %lld, %s, %lld threads, %lld rounds of %lld steps\n", c.model.c_str(),
              c.backbone.c_str(), to_string(c.size).c_str(), (long long)c.batch_size, name_of(c.precision),
              (long long)c.threads, (long long)rounds, (long long)steps);
  std::printf("  %-10s %12s %6s  %12s %6s  %10s %6s  %s\n", "recompute", "kept", "x", "peak", "x", "ms a step", "x",
              "weights");
  for (size_t i = 0; i < names.size(); ++i)
    std::printf("  %-10s %12s %6.2f  %12s %6.2f  %10.1f %6.2f  %016llx\n", names[i],
                bytes_text(double(last[i].kept)).c_str(), double(last[i].kept) / double(last[0].kept),
                bytes_text(double(last[i].peak)).c_str(), double(last[i].peak) / double(last[0].peak), median(ms[i]),
                median(ratio[i]), (unsigned long long)last[i].digest);
  return 0;
}

}  // namespace camo::program
