#include "examples/camo/trained/evaluate.h"

#include "examples/camo/data/loader.h"
#include "tensor/pack.h"

namespace camo::program {

double Scores::monitored(const std::string& name) const {
  for (const MeasureInfo& m : kMeasures) {
    if (m.name != name) continue;
    const double value = quick_score(name) ? this->*quick_score(name) : (*all).*m.value;
    return name == "MAE" ? -value : value;
  }
  throw ConfigError("no measure is called " + name);
}

namespace {

std::string packed(const std::vector<ImageOutcome>& outcomes, const std::vector<std::string>& refused) {
  std::string out;
  pack(out, int64_t(outcomes.size()));
  for (const ImageOutcome& o : outcomes) {
    pack(out, o.index), pack(out, int64_t(o.measures.has_value()));
    pack_struct(out, o.scores);
    if (o.measures) pack_struct(out, *o.measures);
  }
  for (const std::string& words : refused) pack(out, std::string_view(words));
  return out;
}

void unpack_outcomes(std::string_view bytes, std::vector<ImageOutcome>& outcomes, std::vector<std::string>& refused) {
  for (int64_t n = unpack_integer(bytes); n > 0; --n) {
    ImageOutcome& o = outcomes.emplace_back(ImageOutcome{unpack_integer(bytes), {}});
    const bool measured = unpack_integer(bytes) != 0;
    o.scores = unpack_struct<ImageScores>(bytes);
    if (measured) o.measures = unpack_struct<ImageMeasures>(bytes);
  }
  while (!bytes.empty()) refused.push_back(unpack_text(bytes));
}

constexpr size_t kTogether = 16;  // images that are measured at once, in parallel

/// The outcomes of some images, in order, and the reasons for those that cannot be read.
struct Evaluated {
  std::vector<ImageOutcome> outcomes;
  std::vector<std::string> refused;
};

Evaluated evaluate_some(Predictor& predictor, const Dataset& data, const std::vector<int64_t>& images,
                        const Scoring& how, const std::function<bool(const ImageResult&)>& see) {
  struct Item {
    int64_t index;
    Tensor mask;
    Photograph photograph;
    std::string problem;
  };
  Loader<Item> loader(
      [&](int64_t i) {
        Item item{i, {}, {}, {}};
        try {
          const Picture picture = data.load(i);
          item.mask = picture.mask;
          item.photograph = predictor.prepared(data.name(i), picture.image, {item.mask.dim(0), item.mask.dim(1)});
        } catch (const DataError& e) {
          if (!how.refuse) throw;
          item.problem = e.what();
        }
        return item;
      },
      images, how.workers, how.batch);

  Evaluated out;
  std::vector<MapAndMask> waiting;
  const auto measure_waiting = [&] {
    const size_t first = out.outcomes.size() - waiting.size();
    size_t i = first;
    for (ImageMeasures& m : measure_all(int64_t(waiting.size()), [&](int64_t k) { return waiting[size_t(k)]; }))
      out.outcomes[i++].measures = std::move(m);
    waiting.clear();
  };
  for (bool more = true; more; at_work()) {
    std::vector<Item> items;
    std::vector<Photograph> photographs;
    while (int64_t(items.size()) < how.batch) {
      std::optional<Item> item = loader.next();
      if (!item) break;
      if (!item->problem.empty()) {
        out.refused.push_back(item->problem);
        continue;
      }
      photographs.push_back(item->photograph);
      items.push_back(std::move(*item));
    }
    if (items.empty()) break;
    std::vector<Tensor> maps = predictor.maps(photographs);
    for (size_t i = 0; i < items.size() && more; ++i) {
      const Tensor& mask = items[i].mask;
      out.outcomes.push_back({items[i].index, score(maps[i], mask)});
      if (how.all_measures) waiting.push_back({maps[i], mask});
      if (waiting.size() == kTogether) measure_waiting();
      if (see) more = see({items[i].index, photographs[i].image, mask, maps[i], out.outcomes.back().scores});
    }
  }
  measure_waiting();
  return out;
}

}  // namespace

Scores evaluate(Predictor& predictor, const Dataset& data, const Scoring& how,
                const std::function<bool(const ImageResult&)>& see) {
  const bool shared = how.among && how.among->count() > 1;
  Evaluated all = evaluate_some(
      predictor, data, shared ? share_of(data.size(), how.among->rank(), how.among->count()) : in_order(data.size()),
      how, see);
  if (shared) {
    const std::vector<std::string> parts = gather(*how.among, packed(all.outcomes, all.refused));
    all = {};
    for (const std::string& part : parts) unpack_outcomes(part, all.outcomes, all.refused);
  }
  if (how.refuse)
    for (const std::string& problem : all.refused) how.refuse(problem);

  Scores sum;
  std::vector<ImageMeasures> measures;
  for (const ImageOutcome& o : all.outcomes) {
    sum.images += 1;
    for (const ScoreInfo& info : kImageScores) sum.*info.value += o.scores.*info.value;
    if (o.measures) measures.push_back(*o.measures);
  }
  for (const ScoreInfo& info : kImageScores) sum.*info.value /= double(std::max<int64_t>(sum.images, 1));
  if (!measures.empty()) sum.all = average(measures);
  sum.each = std::move(all.outcomes);
  return sum;
}

}  // namespace camo::program
