// camo bench ladder NAME: the rungs of a ladder in one run, as shares of the processor's peak, with bars.
//
// Every round runs each rung once, one after another; a rung that takes long has fewer rounds.
#include "examples/ladders/ladder.h"

#include <cmath>
#include <cstdio>

#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/commands/commands.h"
#include "examples/camo/options/config.h"
#include "examples/camo/options/format.h"
#include "examples/camo/options/help.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

constexpr double kLongest = 10;  // seconds that one rung may take in all rounds together
constexpr int kBar = 40;         // characters of the longest bar

/// Median seconds of each rung.
std::vector<double> measure(const std::vector<ladder::Rung>& rungs, int64_t rounds, int threads) {
  std::vector<std::vector<double>> samples(rungs.size());
  std::vector<double> spent(rungs.size()), out;
  for (int64_t round = 0; round <= rounds; ++round)
    for (size_t i = 0; i < rungs.size(); ++i) {
      if (round > 1 && spent[i] > kLongest) continue;
      set_threads(rungs[i].threads == 0 ? threads : rungs[i].threads);
      const double seconds = seconds_of(rungs[i].run);
      spent[i] += seconds;
      if (round > 0) samples[i].push_back(seconds);
    }
  set_threads(threads);
  for (const auto& s : samples) out.push_back(median(s));
  return out;
}

/// Bytes a second of a copy on `threads` threads that reads and writes `bytes` together.
double copy_rate(double bytes, int threads) {
  const int64_t n = int64_t(bytes / 2), piece = 1 << 16;
  std::vector<char> from(static_cast<size_t>(n), 1), to(static_cast<size_t>(n));
  const int before = camo::threads();
  set_threads(threads);
  std::vector<double> seconds;
  for (int round = 0; round < 9; ++round)
    seconds.push_back(seconds_of([&] {
      parallel_chunks(n, piece, [&](int64_t begin, int64_t end) {
        std::copy_n(&from[size_t(begin)], end - begin, &to[size_t(begin)]);
      });
    }));
  set_threads(before);
  return double(2 * n) / median(seconds);
}

/// What bounds a ladder: operations, or bytes, a second, on one thread and on all.
struct Bound {
  double one, all;
};

void print(const ladder::Ladder& l, const std::vector<double>& seconds, const Bound& bound) {
  const double fastest = *std::min_element(seconds.begin(), seconds.end()),
               work = l.bound_by_memory ? l.bytes : l.flops;
  std::printf("%-14s %10s %8s %8s %9s %9s  %s\n", "rung", "ms", l.bound_by_memory ? "GB/s" : "GFLOP/s",
              l.bound_by_memory ? "of copy" : "of peak", "of before", "memory", "idea");
  for (size_t i = 0; i < l.rungs.size(); ++i) {
    const auto& rung = l.rungs[i];
    const double rate = work / seconds[i];
    std::printf("%-14s %10.3f %8.2f %8.3f %9s %9s  %s\n", rung.name.c_str(), 1e3 * seconds[i], rate * 1e-9,
                rate / (rung.threads == 1 ? bound.one : bound.all),
                i == 0 ? "" : text(fixed(seconds[i - 1] / seconds[i], 2), " x").c_str(),
                rung.memory ? bytes_text(double(rung.memory)).c_str() : "", rung.idea.c_str());
  }
  std::printf("\n");
  for (size_t i = 0; i < l.rungs.size(); ++i) {
    const int length = std::max(1, int(std::lround(kBar * fastest / seconds[i])));
    std::printf("%-14s %s %.3f\n", l.rungs[i].name.c_str(), std::string(size_t(length), '#').c_str(),
                fastest / seconds[i]);
  }
}

int climb(const ladder::LadderKind& kind, const Arguments& words) {
  int64_t rounds = 7;
  Machine machine;
  Command command{.name = "bench ladder " + kind.name,
                  .summary = "Measures the rungs of a ladder, one task computed each time with one idea more.",
                  .usage = "camo bench ladder " + kind.name + " [flags]",
                  .options = options(machine).only({"threads"})};
  command.options.add({{"rounds", &rounds, "timed rounds, after one that is not timed", 1, 1e4}});
  read(command, words);
  apply_machine(machine);
  const ladder::Ladder l = kind.make(false);
  const Bound bound = l.bound_by_memory ? Bound{copy_rate(l.bytes, 1), copy_rate(l.bytes, threads())}
                                        : Bound{measured_peak(1), measured_peak(threads())};
  std::printf("%s\n%s: %.3g flops on %s; %s %.0f %s on 1 thread, %.0f on %d\n\n", describe(machine.device).c_str(),
              l.task.c_str(), l.flops, bytes_text(l.bytes).c_str(),
              l.bound_by_memory ? "a copy moves" : "the peak of multiply-adds is", bound.one * 1e-9,
              l.bound_by_memory ? "GB/s" : "GFLOP/s", bound.all * 1e-9, threads());
  print(l, measure(l.rungs, rounds, threads()), bound);
  return 0;
}

std::vector<Entry> kinds() {
  std::vector<Entry> out;
  for (const auto& kind : ladder::ladders())
    out.push_back({kind.name, kind.make(true).task, [&](const Arguments& words) { return climb(kind, words); }});
  return out;
}

}  // namespace

int bench_ladder_command(const Arguments& words) {
  const std::string first = words.empty() ? "--help" : words[0];
  if (first == "--help" || first == "-h")
    throw HelpRequest{
        help_page({.name = "bench ladder",
                   .summary = "Measures the rungs of a ladder (examples/ladders): one task computed several "
                              "times, each time with one idea more.",
                   .usage = "camo bench ladder NAME [flags]",
                   .options = {},
                   .subjects = kinds()})};
  return find_entry(kinds(), first, "camo bench ladder: no such ladder '").run({words.begin() + 1, words.end()});
}

}  // namespace camo::program
