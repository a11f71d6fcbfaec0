#include "examples/camo/run/evaluate.h"

#include <cmath>

#include "examples/camo/data/augment.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/metrics/metrics.h"

namespace camo::program {

std::vector<Tensor> predict_maps(moe::CamoXpert& model, const std::vector<Tensor>& images,
                                 const std::vector<ImageSize>& sizes, DType precision) {
  NoGrad no_grad;
  Var x(cast(stack(images).to(model.state().device), precision));
  Tensor p = sigmoid(model.forward(x).logits).value();
  std::vector<Tensor> out;
  for (size_t b = 0; b < images.size(); ++b) {
    Tensor large = resize_bilinear(p.slice(int64_t(b), int64_t(b) + 1), sizes[b].height, sizes[b].width).to(Device{});
    Tensor map = empty({sizes[b].height, sizes[b].width, 1}, DType::u8);
    const float* from = large.read<float>();
    uint8_t* to = map.write<uint8_t>();
    for (int64_t i = 0; i < map.numel(); ++i) to[i] = uint8_t(std::lround(from[i] * 255));
    out.push_back(map);
  }
  return out;
}

Scores evaluate(moe::CamoXpert& model, const Dataset& data, const Inference& how,
                const std::function<bool(const ImageResult&)>& see) {
  struct Item {
    int64_t index;
    Picture picture;
    Tensor input;
  };
  Loader<Item> loader(
      [&](int64_t i) {
        Picture picture = data.load(i);
        Tensor input = normalised(picture.image, how.size);
        return Item{i, std::move(picture), std::move(input)};
      },
      in_order(data.size()), how.workers, how.batch);

  Scores sum;
  for (bool more = true; more;) {
    std::vector<Item> items;
    std::vector<Tensor> inputs;
    std::vector<ImageSize> sizes;
    while (int64_t(items.size()) < how.batch) {
      std::optional<Item> item = loader.next();
      if (!item) break;
      inputs.push_back(item->input);
      sizes.push_back({item->picture.mask.dim(0), item->picture.mask.dim(1)});
      items.push_back(std::move(*item));
    }
    if (items.empty()) break;
    std::vector<Tensor> maps = predict_maps(model, inputs, sizes, how.precision);
    for (size_t i = 0; i < items.size() && more; ++i) {
      ImageScores s = score(maps[i], items[i].picture.mask);
      sum.images += 1, sum.mae += s.mae, sum.iou += s.iou, sum.dice += s.dice;
      if (see)
        more = see({items[i].index, items[i].picture.image, items[i].picture.mask, maps[i], s.mae, s.iou, s.dice});
    }
  }
  double n = double(std::max<int64_t>(sum.images, 1));
  return {sum.images, sum.mae / n, sum.iou / n, sum.dice / n};
}

}  // namespace camo::program
