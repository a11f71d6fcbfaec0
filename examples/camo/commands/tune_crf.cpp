// camo tune-crf: the settings of the CRF (predict/crf.h) with which a network scores best on held-out photographs.
//
// The first round tries a coarse grid, the later ones the neighbours of the best so far, each with one setting changed.
#include <algorithm>
#include <cstdio>
#include <map>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/metrics/bootstrap.h"
#include "examples/camo/metrics/metrics.h"
#include "examples/camo/options/format.h"
#include "examples/camo/options/stopwatch.h"
#include "examples/camo/trained/findings.h"
#include "examples/camo/trained/named_data.h"
#include "examples/camo/trained/trained_network.h"
#include "tensor/image/image.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

constexpr int kNeighbourRounds = 2;

/// A photograph with the map of the network.
struct Example {
  ToRefine at;   // at the size of the refinement
  Tensor mask;   // u8, at its own size
  double plain;  // score without CRF
};

struct Trial {
  CrfSettings settings;
  std::vector<double> scores = {};  // of each example

  double mean() const {
    double sum = 0;
    for (double s : scores) sum += s;
    return sum / double(std::max<size_t>(scores.size(), 1));
  }
};

/// map: f32 (1, h, w, 1), of any size.  Larger is better.
double measured(const std::string& metric, const Tensor& map, const Tensor& mask) {
  const Tensor large = resize_bilinear(map, mask.dim(0), mask.dim(1));
  const Tensor grey = rounded(large);
  if (quick_score(metric)) {
    const double value = score(grey, mask).*quick_score(metric);
    return metric == "MAE" ? -value : value;
  }
  const ImageMeasures all = measure(grey, mask);
  for (const MeasureInfo& m : kMeasures)
    if (m.name == metric) return all.*m.value;
  throw std::logic_error("no measure is called " + metric);
}

/// Scores all trials on all examples; those of equal standard deviations share the lattices of a photograph.
void score_trials(std::vector<Trial>& trials, const std::vector<Example>& examples, const std::string& metric) {
  std::map<std::tuple<double, double, double>, std::vector<Trial*>> groups;
  for (Trial& t : trials) groups[{t.settings.alpha, t.settings.beta, t.settings.gamma}].push_back(&t);
  for (Trial& t : trials) t.scores.resize(examples.size());
  parallel_for(int64_t(examples.size()), kGrain, [&](int64_t i) {
    const Example& e = examples[size_t(i)];
    for (const auto& [deviations, group] : groups) {
      const Crf crf(e.at.photograph, group[0]->settings);
      for (Trial* t : group)
        t->scores[size_t(i)] =
            measured(metric, crf.refine(e.at.map, t->settings).reshape(e.at.map.shape().inserted(0, 1)), e.mask);
    }
  });
}

std::vector<Trial> grid() {
  std::vector<Trial> out{{CrfSettings{}}};
  for (double alpha : {20., 60.})
    for (double beta : {5., 10., 20.})
      for (double bilateral : {1., 3., 10.})
        for (double spatial : {0., 2.})
          out.push_back({{.bilateral = bilateral, .alpha = alpha, .beta = beta, .spatial = spatial}});
  return out;
}

/// The settings that differ from these in one.
std::vector<Trial> neighbours(const CrfSettings& s) {
  std::vector<Trial> out;
  for (double CrfSettings::*one :
       {&CrfSettings::bilateral, &CrfSettings::alpha, &CrfSettings::beta, &CrfSettings::spatial, &CrfSettings::gamma})
    for (double factor : {0.7, 1.4}) {
      CrfSettings next = s;
      next.*one = std::round(100 * std::max(s.*one, 0.5) * factor) / 100;
      out.push_back({next});
    }
  for (int64_t iterations : {1, 2, 3, 5, 10})
    if (iterations != s.iterations) {
      CrfSettings next = s;
      next.iterations = iterations;
      out.push_back({next});
    }
  return out;
}

Trial best_of(const std::vector<Example>& examples, const std::string& metric, const Refinement& like) {
  Trial best;
  for (int round = 0; round <= kNeighbourRounds; ++round) {
    Stopwatch watch;
    std::vector<Trial> trials = round == 0 ? grid() : neighbours(best.settings);
    score_trials(trials, examples, metric);
    bool better = round == 0;
    for (const Trial& t : trials)
      if (best.scores.empty() || t.mean() > best.mean()) best = t, better = true;
    Refinement shown = like;
    shown.crf = best.settings;
    std::printf("%3zu settings, %s: %s %.4f with %s\n", trials.size(), clock_text(watch.seconds()).c_str(),
                metric.c_str(), std::abs(best.mean()), to_text(shown).c_str());
    std::fflush(stdout);
    if (!better) break;
  }
  return best;
}

std::vector<Example> predicted(Predictor& predictor, const Dataset& set, int64_t count, const Refinement& how,
                               const std::string& metric, int64_t workers) {
  std::vector<int64_t> order = shuffled(set.size(), 1, 0);
  order.resize(size_t(std::min(count, set.size())));
  std::sort(order.begin(), order.end());
  Loader<Picture> loader([&](int64_t i) { return set.load(i); }, order, workers, 4);
  std::vector<Example> out;
  for (int64_t i : order) {
    const Picture picture = *loader.next();
    const ImageSize size{picture.mask.dim(0), picture.mask.dim(1)};
    const Tensor p = predictor.probabilities({predictor.prepared(set.name(i), picture.image, size)})[0];
    out.push_back({to_refine(how, picture.image, p, size), picture.mask, measured(metric, p, picture.mask)});
  }
  return out;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> out;
  for (const MeasureInfo& m : kMeasures)
    if (!m.of_curve) out.push_back(m.name);
  return out;
}

}  // namespace

int tune_crf_command(const Arguments& words) {
  PredictionFlags flags;
  Machine machine;
  Refinement found{.by = RefineBy::crf};
  DataFlags from;
  std::string metric = "IoU";
  int64_t count = 200;
  Command command{.name = "tune-crf",
                  .summary =
                      "Finds the settings of the fully connected CRF with which a network scores best on "
                      "held-out photographs, and writes them beside the weights, for --refine tuned.",
                  .usage = "camo tune-crf --weights RUN [flags]",
                  .options = {choice("metric", &metric, "what to score by", metric_names()),
                              {"count", &count, "photographs at most", 1, 1e6},
                              {"side", &found.side, "pixels of the longer side at which maps are refined", 16, 65535}},
                  .notes = "Without --data or --images it takes what the run held out of training."};
  command.options.add(options(flags).only({"weights", "tta", "mean", "batch-size"})).add(options(from));
  command.options.add(options(machine).only({"device", "threads", "workers"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(!flags.weights.empty(), "camo tune-crf: needs --weights");
  const JsonObject key = flags.key();  // of the weights as they are before they are loaded
  Ensemble loaded = open_networks(flags, machine);
  std::vector<std::string> refused;
  const Dataset set = named_or_held_out(from, loaded.configs(), line, "tune-crf", refused);
  std::printf("%s\n", loaded.described.c_str());
  report_refused("camo tune-crf", refused);
  const std::vector<Example> examples = predicted(loaded.predictor, set, count, found, metric, machine.workers);
  check<DataError>(!examples.empty(), "camo tune-crf: none of the photographs could be read");
  Trial plain;
  for (const Example& e : examples) plain.scores.push_back(e.plain);
  std::printf("%zu photographs; without CRF %s %.4f\n", examples.size(), metric.c_str(), std::abs(plain.mean()));
  warn_if_few(int64_t(examples.size()));

  const Trial best = best_of(examples, metric, found);
  std::vector<double> gain;
  for (size_t i = 0; i < examples.size(); ++i) gain.push_back(best.scores[i] - plain.scores[i]);
  const Interval spread = interval_of_mean(gain);
  std::printf("gain       %+.4f (95 %% interval over the photographs that chose it: %+.4f to %+.4f)\n",
              best.mean() - plain.mean(), spread.low, spread.high);
  found.crf = best.settings;
  if (best.mean() <= plain.mean()) {
    std::printf("no setting is better than none: --refine tuned will be off\n");
    found.by = RefineBy::off;
  }
  JsonObject about;
  about.set("refine", to_text(found)), about.set("metric", metric), about.set("images", int64_t(examples.size()));
  about.set("plain", std::abs(plain.mean())), about.set("refined", std::abs(best.mean()));
  const std::string file = finding_file(flags.weights, Finding::refinement);
  write_finding(file, key, about);
  std::printf("written    %s\n", file.c_str());
  return refused.empty() ? 0 : 3;
}

}  // namespace camo::program
