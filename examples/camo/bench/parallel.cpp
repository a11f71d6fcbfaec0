// camo bench parallel: a training step by several processes, and what their messages cost.
//
//   mpirun -n 2 camo bench parallel
//
// Each process trains on noise of its own: with the others, then alone, without a message.  Then process 0 does the work
// of its whole host with all of the host's threads, while the others wait.
#include "tensor/parallel.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/draw/plot.h"
#include "examples/camo/options/format.h"
#include "examples/camo/run/learner.h"
#include "examples/camo/run/together.h"

namespace camo::program {
namespace {

struct StepTimes {
  double ms = 0;                              // median, after the first
  double sent = 0, waited_ms = 0, early = 0;  // a step: bytes, milliseconds, share of the gradients' bytes
  double moments = 0;                         // of AdamW: the largest share of a process
};

/// Times steps of `all`, or of this process alone, which then has `batches` micro-batches.
StepTimes timed(const TrainConfig& c, Processes* all, int64_t steps, int64_t batches = 1) {
  Learner learner(c, /*fresh=*/true);
  if (all) learner.share(*all);
  const int64_t rank = all ? all->rank() : 0;
  Tensor mask = cast(randn({c.batch_size, c.size.height, c.size.width, 1}, uint64_t(2 * rank + 2)), DType::f32);
  for (int64_t i = 0; i < mask.numel(); ++i) mask.write<float>()[i] = mask.read<float>()[i] > 0;
  const Tensor image = randn({c.batch_size, c.size.height, c.size.width, 3}, uint64_t(2 * rank + 1));
  std::vector<double> ms;
  int64_t sent = 0;
  double waited = 0;
  for (int64_t step = 0; step <= steps; ++step) {
    if (all) barrier(*all);
    if (step == 1 && all) sent = all->bytes_sent, waited = all->seconds_waited;
    std::vector<Sample> batch(size_t(batches), Sample{image, mask});
    ms.push_back(1e3 * seconds_of([&] { learner.step(batch, c.lr, nullptr, all ? all->count() : batches); }));
    at_work();
  }
  StepTimes out{.ms = median({ms.begin() + 1, ms.end()})};
  if (!all) return out;
  out.sent = double(all->bytes_sent - sent) / double(steps);
  out.waited_ms = 1e3 * (all->seconds_waited - waited) / double(steps);
  if (const nn::SharedStep* shared = learner.shared())
    out.early = double(shared->early_bytes()) / double(std::max<int64_t>(shared->all_bytes(), 1));
  std::map<int, double> owned;
  const std::vector<nn::Parameter> parameters = learner.model().named_parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    if (learner.shared()) owned[learner.shared()->owner(i)] += double(parameters[i].var.value().numel());
  for (const auto& [process, n] : owned)
    out.moments = std::max(out.moments, n / double(learner.model().parameter_count()));
  return out;
}

/// Seconds for a message of so many bytes to the last process and back, halved: the median of many.
double one_way(Processes& all, int64_t bytes, int64_t rounds) {
  std::string out(size_t(bytes), 'x'), in(size_t(bytes), ' ');
  const int last = all.count() - 1;
  std::vector<double> seconds;
  for (int64_t i = 0; i < rounds; ++i) {
    if (all.rank() == 0)
      seconds.push_back(
          seconds_of([&] { all.receive(last, in.data(), bytes), all.send(last, out.data(), bytes), all.finish(); }));
    if (all.rank() == last) {
      all.receive(0, in.data(), bytes), all.finish();
      all.send(0, out.data(), bytes), all.finish();
    }
  }
  barrier(all);
  return seconds.empty() ? 0 : median(seconds) / 2;
}

struct Network {
  std::string name;
  double latency, bandwidth;  // seconds, bytes per second
};

/// What the model of a step is made of: all measured here.
struct StepCost {
  double alone_ms, parameter_bytes, early;
};

/// A model, not a measurement: each process computes as long as here, gradients and weights cross the network once,
/// the four exchanges of a step (gradients, flags, norms, weights) cost `latency` for each other process, and the share `early` of the gradients is hidden behind the
/// backward pass.
double modelled_ms(const StepCost& cost, const Network& network, double processes) {
  const double part = (processes - 1) / processes;
  return cost.alone_ms + 1e3 * (part * cost.parameter_bytes / network.bandwidth * (2 - cost.early) +
                                4 * network.latency * (processes - 1));
}

/// A table of the model up to 64 nodes of a process each, and a chart of it if a file is named.
void print_model(const StepCost& cost, const Network& here, const std::string& chart_file) {
  const std::vector<Network> networks = {
      here, {"1 Gbit/s, 50 us", 50e-6, 125e6}, {"10 Gbit/s, 30 us", 30e-6, 1.25e9}, {"100 Gbit/s, 3 us", 3e-6, 12.5e9}};
  Chart chart{.title = "efficiency, by a model", .x_label = "log2 of the processes", .y_range = {{0, 1.4}}};
  std::printf(
      "a model with these numbers (not measured): ms a step and efficiency of nodes with a process each\n  nodes");
  for (const Network& n : networks) std::printf("  %18s", n.name.c_str()), chart.series.push_back({.name = n.name});
  for (int k = 0; k <= 6; ++k) {
    std::printf("\n  %5d", 1 << k);
    for (size_t i = 0; i < networks.size(); ++i) {
      const double ms = modelled_ms(cost, networks[i], 1 << k);
      std::printf("  %12.1f %5.2f", ms, cost.alone_ms / ms);
      chart.series[i].x.push_back(k), chart.series[i].y.push_back(cost.alone_ms / ms);
    }
  }
  std::printf("\n");
  if (!chart_file.empty()) write_charts(chart_file, {chart});
}

}  // namespace

int bench_parallel_command(const Arguments& words) {
  TrainConfig c;
  c.size = {96, 96}, c.batch_size = 2, c.drop_path = 0;
  int64_t steps = 10;
  std::string chart;
  Command command{.name = "bench parallel",
                  .summary =
                      "Times training steps by the processes that a launcher has started, and the same steps alone.  "
                      "Prints the bytes that a process sends in a step, how long it waits, the share of gradients that "
                      "leave before the backward pass has ended, latency and bandwidth between the first and the last "
                      "process, and a model of the step up to 64 nodes.",
                  .usage = "mpirun -n N camo bench parallel [flags]",
                  .options = {{"steps", &steps, "optimizer steps, after one that is not timed", 1, 1e6},
                              {"chart", &chart, "write a chart of the model to this .svg file"}}};
  command.options.add(options(c).only(
      {"model", "backbone", "size", "batch-size", "seed", "device", "precision", "threads", "deadline"}));
  Processes& all = join_processes();
  read(command, words);
  check<ConfigError>(chart.empty() || chart.ends_with(".svg"), "camo bench parallel --chart: must end in .svg, got '",
                     chart, "'");
  all.deadline = c.deadline, c.device = own_device(all, c.device);
  set_threads(int(c.threads));
  const StepTimes alone = timed(c, nullptr, steps);
  const StepTimes together = timed(c, &processes(c.device), steps);
  int64_t parameters = make_model(c)->parameter_count();
  std::printf("%s on %s, %s, batch %lld a process, %s, %d processes of %lld threads, %lld steps\n", c.model.c_str(),
              c.backbone.c_str(), to_string(c.size).c_str(), (long long)c.batch_size, name_of(c.precision), all.count(),
              (long long)threads(), (long long)steps);
  std::printf("  ms a step, together and alone    %.1f, %.1f (%.2f)\n", together.ms, alone.ms, together.ms / alone.ms);
  if (all.count() == 1) return 0;
  const int here = all.count_on_host(), own_threads = threads();
  if (all.first()) {
    set_threads(here * own_threads);
    const double ms = timed(c, nullptr, steps, here).ms;
    std::printf("  one process of %d threads         %.1f (%.2f)\n", here * own_threads, ms, together.ms / ms);
  }
  barrier(all);
  set_threads(own_threads);
  const double latency = one_way(all, 8, 200), large = one_way(all, 8 << 20, 10), bandwidth = double(8 << 20) / large;
  std::printf("  bytes sent a step                %s of %s that a ring all-reduce sends\n",
              bytes_text(together.sent).c_str(),
              bytes_text(2. * double(all.count() - 1) / double(all.count()) * double(parameters) * 4).c_str());
  std::printf("  ms waited a step                 %.1f\n", together.waited_ms);
  std::printf("  largest share of the moments     %.3f\n", together.moments);
  std::printf("  gradients sent during backward   %.0f %%\n", 100 * together.early);
  std::printf("  latency, bandwidth               %.1f us, %s/s\n", 1e6 * latency, bytes_text(bandwidth).c_str());
  const StepCost cost{alone.ms, double(parameters) * 4, together.early};
  const Network network{"this one", latency, bandwidth};
  std::printf("  a model of these                 %.1f ms, measured %.1f\n",
              modelled_ms(cost, network, double(all.count())), together.ms);
  if (all.first()) print_model(cost, network, chart);
  return 0;
}

}  // namespace camo::program
