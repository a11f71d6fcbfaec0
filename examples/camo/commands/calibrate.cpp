// camo calibrate: the threshold that suits a network, and how far its probabilities can be believed.
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/options/format.h"
#include "examples/camo/predict/calibration.h"
#include "examples/camo/trained/evaluate.h"
#include "examples/camo/trained/findings.h"
#include "examples/camo/trained/named_data.h"
#include "examples/camo/trained/trained_network.h"

namespace camo::program {
namespace {

void print_calibration(const Calibration& c) {
  std::printf("%lld photographs, each with the same weight\n", (long long)c.images);
  std::printf("threshold  %.4f for %s: %.4f, at 0.5 %.4f\n", c.threshold, name_of(c.metric), c.at_threshold, c.at_half);
  std::printf("error      %.4f  (expected calibration error: mean distance of the last two columns)\n\n", c.error);
  std::printf("  %-13s %9s %11s %9s\n", "probability", "pixels", "mean", "object");
  for (size_t i = 0; i < c.bins.size(); ++i) {
    const ReliabilityBin& bin = c.bins[i];
    const std::string range =
        fixed(double(i) / Calibration::kBins, 2) + " to " + fixed(double(i + 1) / Calibration::kBins, 2);
    if (bin.share > 0)
      std::printf("  %-13s %8.2f%% %11.4f %9.4f\n", range.c_str(), 100 * bin.share, bin.probability, bin.frequency);
  }
}

JsonObject to_json_object(const Calibration& c) {
  JsonObject out;
  std::vector<double> share, probability, frequency;
  for (const ReliabilityBin& bin : c.bins)
    share.push_back(bin.share), probability.push_back(bin.probability), frequency.push_back(bin.frequency);
  out.set("images", c.images), out.set("metric", name_of(c.metric));
  out.set("threshold", c.threshold), out.set("at_threshold", c.at_threshold), out.set("at_half", c.at_half);
  out.set("expected_calibration_error", c.error);
  out.set("share", share), out.set("probability", probability), out.set("frequency", frequency);
  return out;
}

}  // namespace

int calibrate_command(const Arguments& words) {
  PredictionFlags flags;
  Machine machine;
  DataFlags from;
  ThresholdMetric metric = ThresholdMetric::iou;
  Command command{
      .name = "calibrate",
      .summary =
          "Finds the threshold at which maps score best on held-out photographs, and compares their "
          "probabilities with how often a pixel is object.  Writes both beside the weights, for "
          "camo predict --threshold calibrated.",
      .usage = "camo calibrate --weights RUN [flags]",
      .options = {choice("metric", &metric, "what the threshold is chosen for, on maps that are not stretched")},
      .notes = "Without --data or --images it takes what the run held out of training."};
  command.options.add(options(flags)).add(options(from)).add(options(machine).only({"device", "threads", "workers"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(!flags.weights.empty(), "camo calibrate: needs --weights");
  const JsonObject key = flags.calibration_key();  // of the weights as they are before they are loaded
  Ensemble loaded = open_networks(flags, machine);
  std::vector<std::string> refused;
  const Dataset set = named_or_held_out(from, loaded.configs(), line, "calibrate", refused);
  std::printf("%s\n", loaded.described.c_str());
  Calibrator calibrator;
  const auto refuse = [&](const std::string& reason) { refused.push_back(reason); };
  evaluate(loaded.predictor, set, {.workers = machine.workers, .batch = flags.batch, .refuse = refuse},
           [&](const ImageResult& image) {
             calibrator.add(image.map, image.truth);
             return true;
           });
  report_refused("camo calibrate", refused);
  const Calibration found = calibrator.result(metric);
  check<DataError>(found.images > 0, "camo calibrate: none of the photographs could be read");
  print_calibration(found);
  warn_if_few(found.images);
  const std::string file = finding_file(flags.weights, Finding::calibration);
  write_finding(file, key, to_json_object(found));
  std::printf("\nwritten    %s\n", file.c_str());
  return refused.empty() ? 0 : 3;
}

}  // namespace camo::program
