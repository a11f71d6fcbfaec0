#include "examples/camo/run/evaluate.h"

#include <cmath>

#include "examples/camo/data/augment.h"
#include "examples/camo/data/loader.h"
#include "tensor/pack.h"

namespace camo::program {

std::vector<Tensor> predict_maps(moe::CamoXpert& model, const std::vector<Tensor>& images,
                                 const std::vector<ImageSize>& sizes, const std::vector<std::string>& names,
                                 DType precision) {
  NoGrad no_grad;
  Var x(cast(stack(images).to(model.state().device), precision));
  Tensor p = sigmoid(model.forward(x).logits).value();
  std::vector<Tensor> out;
  for (size_t b = 0; b < images.size(); ++b) {
    Tensor large = resize_bilinear(p.slice(int64_t(b), int64_t(b) + 1), sizes[b].height, sizes[b].width).to(Device{});
    Tensor map = empty({sizes[b].height, sizes[b].width, 1}, DType::u8);
    const float* from = large.read<float>();
    uint8_t* to = map.write<uint8_t>();
    for (int64_t i = 0; i < map.numel(); ++i) {
      check<NumericError>(std::isfinite(from[i]), names[b], ": its map holds ", from[i],
                          " [the weights hold NaN or infinity, or the numbers grow too large]");
      to[i] = uint8_t(std::lround(from[i] * 255));
    }
    out.push_back(map);
  }
  return out;
}

Tensor predict_map(moe::CamoXpert& model, const Picture& picture, const std::string& name, const Inference& how) {
  const ImageSize size{picture.mask.dim(0), picture.mask.dim(1)};
  return predict_maps(model, {normalised(picture.image, how.size, how.normalisation)}, {size}, {name},
                      how.precision)[0];
}

double Scores::monitored(const std::string& name) const {
  for (const MeasureInfo& m : kMeasures) {
    if (m.name != name) continue;
    const double value = quick_score(name) ? this->*quick_score(name) : (*all).*m.value;
    return name == "MAE" ? -value : value;
  }
  throw ConfigError("no measure is called " + name);
}

namespace {

/// The pictures that process `rank` of `count` evaluates: one of `count` contiguous parts.
std::vector<int64_t> part_of(int64_t n, int rank, int count) {
  std::vector<int64_t> out;
  for (int64_t i = n * rank / count; i < n * (rank + 1) / count; ++i) out.push_back(i);
  return out;
}

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
struct Part {
  std::vector<ImageOutcome> outcomes;
  std::vector<std::string> refused;
};

Part evaluate_part(moe::CamoXpert& model, const Dataset& data, const std::vector<int64_t>& images, const Inference& how,
                   const std::function<bool(const ImageResult&)>& see) {
  struct Item {
    int64_t index;
    Picture picture;
    Tensor input;
    std::string problem;
  };
  Loader<Item> loader(
      [&](int64_t i) {
        Item item{i, {}, {}, {}};
        try {
          item.picture = data.load(i);
          item.input = normalised(item.picture.image, how.size, how.normalisation);
        } catch (const DataError& e) {
          if (!how.refuse) throw;
          item.problem = e.what();
        }
        return item;
      },
      images, how.workers, how.batch);

  Part out;
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
    std::vector<Tensor> inputs;
    std::vector<ImageSize> sizes;
    std::vector<std::string> names;
    while (int64_t(items.size()) < how.batch) {
      std::optional<Item> item = loader.next();
      if (!item) break;
      if (!item->problem.empty()) {
        out.refused.push_back(item->problem);
        continue;
      }
      names.push_back(data.name(item->index));
      inputs.push_back(item->input);
      sizes.push_back({item->picture.mask.dim(0), item->picture.mask.dim(1)});
      items.push_back(std::move(*item));
    }
    if (items.empty()) break;
    std::vector<Tensor> maps = predict_maps(model, inputs, sizes, names, how.precision);
    for (size_t i = 0; i < items.size() && more; ++i) {
      const Tensor& mask = items[i].picture.mask;
      out.outcomes.push_back({items[i].index, score(maps[i], mask)});
      if (how.all_measures) waiting.push_back({maps[i], mask});
      if (waiting.size() == kTogether) measure_waiting();
      if (see) more = see({items[i].index, items[i].picture.image, mask, maps[i], out.outcomes.back().scores});
    }
  }
  measure_waiting();
  return out;
}

}  // namespace

Scores evaluate(moe::CamoXpert& model, const Dataset& data, const Inference& how,
                const std::function<bool(const ImageResult&)>& see) {
  const bool shared = how.among && how.among->count() > 1;
  Part all = evaluate_part(model, data,
                           shared ? part_of(data.size(), how.among->rank(), how.among->count()) : in_order(data.size()),
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
