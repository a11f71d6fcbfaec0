// camo demo: trains the real network on synthetic camouflage in minutes, and compares it with a baseline that
// sees single pixels.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/baseline.h"
#include "examples/camo/run/trainer.h"
#include "examples/camo/trained/run_folder.h"

namespace camo::program {
namespace {

constexpr int64_t kTest = 64, kBaselineTrain = 64;
// Training on pictures of 96 x 96, measured on one core of an AMD EPYC (AVX-512); the progress line measures it again.
constexpr double kSecondsPerPixel = 0.025 / (96 * 96);

/// Prints roughly how long the demo will take, because it seems to hang otherwise.
void print_estimate(const TrainConfig& c) {
  const unsigned cores = c.threads > 0 ? unsigned(c.threads) : std::thread::hardware_concurrency();
  const double pixels = double(c.epochs * c.count) * double(c.size.height * c.size.width);
  const double minutes = 0.3 + kSecondsPerPixel * pixels / (60 * std::clamp(cores, 1u, 4u));
  std::printf("demo: trains for about %.0f min on this machine when it is idle; eta says how long it is still to go\n",
              std::max(std::round(minutes), 1.0));
  std::fflush(stdout);
}

/// runs/demo, or runs/demo-2, -3, ... if that exists.
std::string free_folder(const std::string& wanted) {
  std::string out = wanted;
  for (int i = 2; std::filesystem::exists(out); ++i) out = text(wanted, "-", i);
  return out;
}

double baseline(const TrainConfig& c, const Dataset& test) {
  auto pictures = [&](uint64_t seed, int64_t count) {
    std::vector<SynthPair> out;
    for (int64_t i = 0; i < count; ++i)
      out.push_back(make_synthetic(seed, uint64_t(i), c.size.height, c.size.width, c.difficulty));
    return out;
  };
  return logistic_baseline(pictures(uint64_t(c.seed), kBaselineTrain), pictures(test.synthetic->seed, test.size()));
}

}  // namespace

int demo_command(const Arguments& words) {
  TrainConfig c = demo_config();
  Command command{.name = "demo",
                  .summary =
                      "Trains camoxpert-sparse with pvt_v2_b0 on synthetic camouflage, scores it on pictures that it "
                      "never saw, and prints the files to look at.",
                  .usage = "camo demo [flags]",
                  .options = options(c).only({"out", "size", "count", "epochs", "batch-size", "lr", "difficulty",
                                              "seed", "precision", "bf16-units", "threads", "workers"})};
  if (!read(command, words).has("out")) c.out = free_folder(c.out);

  print_estimate(c);
  Outcome outcome = train(c);
  if (outcome.exit_code) return outcome.exit_code;
  Dataset test = synthetic_test(c, kTest);
  TrainedNetwork best = load_model(c.out, c.device);
  Predictor predictor({member_of(*best.model, best.config)});
  Scores s = evaluate(predictor, test, {.workers = c.workers});
  double pixels = baseline(c, test);
  const std::string camo = std::filesystem::proximate(std::filesystem::read_symlink("/proc/self/exe")).string();
  const std::string out = std::filesystem::absolute(c.out).lexically_normal().string();
  std::printf(
      "\nheld-out synthetic pictures (%lld, never seen in training or validation)\n"
      "  camoxpert-sparse           IoU %.3f  Dice %.3f  MAE %.3f\n"
      "  logistic regression        IoU %.3f  on colour and local variance\n"
      "  difference                 %+.3f\n\n"
      "next       %s synth --out runs/hidden --count 8\n"
      "           %s predict --weights %s runs/hidden/Image --out runs/found\n"
      "           %s train --data YOUR_FOLDER --out runs/mine\n"
      "page       %s serve --weights %s (prints an address: open it, drop photographs on it)\n"
      "picture    %s (each row: photograph, truth, prediction)\n"
      "report     %s (curves, pictures, routing, times: open it in a browser)\n",
      (long long)s.images, s.iou, s.dice, s.mae, pixels, s.iou - pixels, camo.c_str(), camo.c_str(), c.out.c_str(),
      camo.c_str(), camo.c_str(), c.out.c_str(), run_file(out, RunFile::grid).c_str(),
      run_file(out, RunFile::report).c_str());
  return 0;
}

}  // namespace camo::program
