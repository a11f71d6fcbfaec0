#include "examples/camo/run/evaluate.h"

#include <cmath>

#include "examples/camo/data/augment.h"
#include "examples/camo/data/loader.h"

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

double Scores::monitored(const std::string& name) const {
  for (const MeasureInfo& m : kMeasures) {
    if (m.name != name) continue;
    const double value = quick_score(name) ? this->*quick_score(name) : (*all).*m.value;
    return name == "MAE" ? -value : value;
  }
  throw ConfigError("no measure is called " + name);
}

Scores evaluate(moe::CamoXpert& model, const Dataset& data, const Inference& how,
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
      in_order(data.size()), how.workers, how.batch);

  Scores sum;
  std::vector<ImageMeasures> measures;
  for (bool more = true; more;) {
    std::vector<Item> items;
    std::vector<Tensor> inputs;
    std::vector<ImageSize> sizes;
    std::vector<std::string> names;
    while (int64_t(items.size()) < how.batch) {
      std::optional<Item> item = loader.next();
      if (!item) break;
      if (!item->problem.empty()) {
        how.refuse(item->problem);
        continue;
      }
      names.push_back(data.name(item->index));
      inputs.push_back(item->input);
      sizes.push_back({item->picture.mask.dim(0), item->picture.mask.dim(1)});
      items.push_back(std::move(*item));
    }
    if (items.empty()) break;
    std::vector<Tensor> maps = predict_maps(model, inputs, sizes, names, how.precision);
    if (how.all_measures)
      for (ImageMeasures& m : measure_all(int64_t(items.size()), [&](int64_t i) -> MapAndMask {
             return {maps[size_t(i)], items[size_t(i)].picture.mask};
           }))
        measures.push_back(std::move(m));
    for (size_t i = 0; i < items.size() && more; ++i) {
      const ImageScores s = score(maps[i], items[i].picture.mask);
      sum.images += 1;
      for (const ScoreInfo& info : kImageScores) sum.*info.value += s.*info.value;
      if (see) more = see({items[i].index, items[i].picture.image, items[i].picture.mask, maps[i], s});
    }
  }
  for (const ScoreInfo& info : kImageScores) sum.*info.value /= double(std::max<int64_t>(sum.images, 1));
  if (!measures.empty()) sum.all = average(measures);
  return sum;
}

}  // namespace camo::program
