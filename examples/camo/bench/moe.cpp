// camo bench moe: a mixture of experts, forward and backward, compared with two alternatives.
//
//   batched   the layer: rows sorted by expert, one call per expert
//   loop      each image alone through its K experts, weighted and added; must give the same numbers (checked)
//   all       every image through all experts, weighted by the softmax: shows what sparse routing saves
//
// The three are run in turn, round by round; medians over the rounds are printed, also of the ratios within a round.
#include "moe/moe.h"

#include <algorithm>
#include <cstdio>
#include <functional>

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

using moe::Moe;

struct MoeCase {
  int64_t dim, side, batch, chosen;
};

/// A layer with `experts` COD experts (kinds repeat beyond the family), and images for it.
struct Bench {
  Moe layer;
  Tensor image, dy, dx;
  int64_t bytes = 0;  // most in use at once in the last run, beyond weights and input

  Bench(const MoeCase& c, int64_t experts)
      : layer(nn::Scope{.seed = 1}, c.dim, pick(moe::cod_experts(), experts), {.chosen = c.chosen}),
        image(randn({c.batch, c.side, c.side, c.dim}, 2)),
        dy(randn(image.shape(), 3)) {}

  Var batched(const Var& x) { return layer.forward(x).y; }

  Var loop(const Var& x) {
    const moe::Route route = layer.router.forward(x);
    const std::vector<int64_t> expert = to_vector<int64_t>(route.expert);
    const int64_t K = route.expert.dim(1);
    Vars rows;
    for (int64_t b = 0; b < x.dim(0); ++b) {
      Var one = slice_rows(x, b, b + 1), weight = slice_rows(route.weight, b, b + 1), y = one;
      for (int64_t k = 0; k < K; ++k)
        y = y + layer.experts->one(expert[size_t(b * K + k)], one) * reshape(slice(weight, 1, k, k + 1), {1, 1, 1, 1});
      rows.push_back(y);
    }
    return concat(rows, 0);
  }

  Var all(const Var& x) {
    const Var weight = softmax(layer.router.forward(x).logits);
    Var y = x;
    for (int64_t e = 0; e < layer.experts->count(); ++e)
      y = y + layer.experts->one(e, x) * reshape(slice(weight, 1, e, e + 1), {x.dim(0), 1, 1, 1});
    return y;
  }

  /// Seconds of forward and backward; the gradients stay in the leaves.
  double run(Var (Bench::*way)(const Var&), Tensor* y = nullptr) {
    nn::zero_grad(layer);
    Var x = Var::leaf(image), out;
    reset_memory_peak();
    const int64_t before = memory_stats().in_use;
    const double seconds = seconds_of([&] {
      out = (this->*way)(x);
      backward(out, dy);
    });
    bytes = memory_stats().peak - before;
    nn::discard(layer);
    if (y) *y = out.value(), dx = x.grad();
    return seconds;
  }
};

/// Throws NumericError unless batched and loop agree in y, dx and every gradient.
void check_same(Bench& bench) {
  Tensor y, again;
  bench.run(&Bench::batched, &y);
  const Tensor dx = bench.dx;
  std::vector<Tensor> gradients;
  for (const nn::Parameter& p : bench.layer.named_parameters()) gradients.push_back(p.var.grad());
  bench.run(&Bench::loop, &again);
  double worst = std::max(test::relative_error(again, y), test::relative_error(bench.dx, dx));
  size_t i = 0;
  for (const nn::Parameter& p : bench.layer.named_parameters()) {
    const Tensor &a = gradients[i++], &b = p.var.grad();
    // Gradients that the softmax cancels (bias of the keys) are rounding noise in both.
    if (a.defined() && !(sum_of_squares(a) <= 1e-6)) worst = std::max(worst, test::relative_error(b, a));
  }
  check<NumericError>(worst < 1e-4, "camo bench moe: batched and loop differ by ", worst);
  std::printf("  batched and loop agree to %.1g in results and gradients\n", worst);
}

void bench_case(const MoeCase& c, int64_t rounds) {
  const int64_t family = int64_t(moe::cod_experts().size());
  std::printf("%lld channels, %lld x %lld, batch %lld, %lld chosen of %lld, forward + backward, %d threads, ",
              (long long)c.dim, (long long)c.side, (long long)c.side, (long long)c.batch, (long long)c.chosen,
              (long long)family, threads());
  std::printf("%lld rounds\n", (long long)rounds);
  Bench whole(c, family);
  check_same(whole);
  struct Row {
    std::string name;
    std::function<double()> run;
    std::vector<double> seconds{}, ratio{};
    int64_t bytes = 0;
  };
  std::vector<Row> rows = {{"batched", [&] { return whole.run(&Bench::batched); }},
                           {"loop over images", [&] { return whole.run(&Bench::loop); }},
                           {"all experts", [&] { return whole.run(&Bench::all); }}};
  std::vector<std::unique_ptr<Bench>> more;
  for (int64_t experts : {8, 10, 12, 14, 16}) {
    more.push_back(std::make_unique<Bench>(c, experts));
    rows.push_back({"batched, of " + std::to_string(experts),
                    [bench = more.back().get()] { return bench->run(&Bench::batched); }});
  }
  for (size_t i = 0; i < rows.size(); ++i) rows[i].run(), rows[i].bytes = (i < 3 ? whole : *more[i - 3]).bytes;
  for (int64_t round = 0; round < rounds; ++round)
    for (Row& row : rows) {
      row.seconds.push_back(row.run());
      row.ratio.push_back(row.seconds.back() / rows[0].seconds.back());
    }
  for (const Row& row : rows)
    std::printf("  %-18s %8.1f ms   %.2f x batched of %lld   %9s\n", row.name.c_str(), 1e3 * median(row.seconds),
                median(row.ratio), (long long)family, bytes_text(double(row.bytes)).c_str());
  std::printf("  batched takes %.2f of all experts\n\n", 1 / median(rows[2].ratio));
}

}  // namespace

int bench_moe_command(const Arguments& words) {
  Machine machine;
  machine.threads = 2;
  int64_t rounds = 11;
  std::string batches = "16";
  Command command{
      .name = "bench moe",
      .summary =
          "Times the mixture-of-experts layer, forward and backward, with the COD experts and two of "
          "them chosen per image: batched by expert, as a loop over images, and with all experts for "
          "every image.  Then it times up to 16 experts.  The last column is the most memory in use at once, beyond "
          "weights and input.",
      .usage = "camo bench moe [flags]",
      .options = options(machine).only({"threads"})};
  command.options.add({{"batch", &batches, "images, as N,N,..."},
                       {"rounds", &rounds, "timed rounds, after one that is not timed", 1, 1e4}});
  read(command, words);
  const std::vector<int64_t> sizes = list_of(batches, "camo bench moe --batch");
  set_threads(int(machine.threads));
  for (int64_t batch : sizes)
    for (const MoeCase& c : {MoeCase{288, 22, batch, 2}, MoeCase{512, 11, batch, 2}}) bench_case(c, rounds);
  return 0;
}

}  // namespace camo::program
