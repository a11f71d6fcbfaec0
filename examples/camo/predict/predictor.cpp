#include "examples/camo/predict/predictor.h"

#include <cmath>

#include "examples/camo/data/augment.h"
#include "examples/camo/options/stopwatch.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

/// A photograph (of those predicted together) in a view.
struct Look {
  size_t photograph;
  View view;
};

Tensor at_size(const Tensor& x, ImageSize size) {
  const bool fits = x.dim(1) == size.height && x.dim(2) == size.width;
  return fits ? x : resize_bilinear(x, size.height, size.width);
}

void check_finite(const Tensor& p, const std::string& name) {
  const float* from = p.read<float>();
  for (int64_t i = 0; i < p.numel(); ++i)
    check<NumericError>(std::isfinite(from[i]), name, ": its map holds ", from[i],
                        " [the weights hold NaN or infinity, or the numbers grow too large]");
}

}  // namespace

Tensor rounded(const Tensor& p) {
  Tensor out = empty({p.dim(1), p.dim(2), 1}, DType::u8);
  const float* from = p.read<float>();
  uint8_t* to = out.write<uint8_t>();
  for (int64_t i = 0; i < out.numel(); ++i) to[i] = uint8_t(std::lround(from[i] * 255));
  return out;
}

Member member_of(moe::CamoXpert& model, const TrainConfig& config) {
  return {&model, config.size, normalisation(config), precision(config)};
}

Predictor::Predictor(std::vector<Member> members, Recipe recipe, int64_t batch)
    : members_(std::move(members)), recipe_(std::move(recipe)), batch_(batch) {
  for (size_t m = 0; m < members_.size(); ++m)
    for (const View& view : recipe_.views) {
      if (scales_.empty() || scales_.back().member != m || scales_.back().views[0].scale != view.scale)
        scales_.push_back({m, size_in(view, members_[m].size), {}});
      scales_.back().views.push_back(view);
    }
}

Photograph Predictor::prepared(std::string name, const Tensor& image, ImageSize size) const {
  Photograph out{std::move(name), size, image, {}};
  for (const Scale& s : scales_) out.inputs.push_back(normalised(image, s.size, members_[s.member].normalisation));
  return out;
}

/// Adds a network's answers in the views of one scale to the sums (1, H, W, 1), one for each photograph.
void Predictor::add_answers(const Scale& scale, const std::vector<const Tensor*>& inputs, std::vector<Tensor>& sums) {
  std::vector<Look> upright, turned;  // of equal size each
  for (size_t i = 0; i < inputs.size(); ++i)
    for (const View& view : scale.views)
      (view.turns % 2 == 0 || scale.size.height == scale.size.width ? upright : turned).push_back({i, view});
  const Member& member = members_[scale.member];
  for (const std::vector<Look>* looks : {&upright, &turned})
    for (size_t begin = 0; begin < looks->size(); begin += size_t(batch_)) {
      const size_t end = std::min(looks->size(), begin + size_t(batch_));
      std::vector<Tensor> images;
      for (size_t i = begin; i < end; ++i) {
        const auto& [photograph, view] = (*looks)[i];
        const Tensor& x = *inputs[photograph];
        images.push_back(seen(x.reshape(x.shape().inserted(0, 1)), view));
      }
      const Var x(cast(concat(images, 0).to(member.model->state().device), member.precision));
      Tensor answers = member.model->forward(x).logits.value();
      if (recipe_.mean == Mean::probabilities) answers = sigmoid(answers);
      for (size_t i = begin; i < end; ++i) {
        const Tensor answer = unseen(answers.slice(int64_t(i - begin), int64_t(i - begin) + 1), (*looks)[i].view);
        Tensor& sum = sums[(*looks)[i].photograph];
        const Tensor fitted = at_size(answer, members_[0].size).to(Device{});
        sum = sum.defined() ? sum + fitted : fitted;
      }
    }
}

std::vector<Tensor> Predictor::probabilities(const std::vector<Photograph>& photographs) {
  NoGrad no_grad;
  std::vector<Tensor> sums(photographs.size());
  for (size_t s = 0; s < scales_.size(); ++s) {
    std::vector<const Tensor*> inputs;
    for (const Photograph& p : photographs) inputs.push_back(&p.inputs[s]);
    add_answers(scales_[s], inputs, sums);
  }
  const double answers = double(members_.size() * recipe_.views.size());
  for (size_t i = 0; i < sums.size(); ++i) {
    if (answers > 1) sums[i] = sums[i] / answers;
    if (recipe_.mean == Mean::logits) sums[i] = sigmoid(sums[i]);
    check_finite(sums[i], photographs[i].name);
  }
  return sums;
}

std::vector<Tensor> Predictor::maps(const std::vector<Photograph>& photographs) {
  Stopwatch watch;
  std::vector<Tensor> out = probabilities(photographs);
  seconds_.network += watch.seconds();
  watch = {};
  parallel_for(int64_t(out.size()), kGrain,
               [&](int64_t i) {  // photographs in parallel: a refinement is many short loops
                 const Photograph& p = photographs[size_t(i)];
                 Tensor& map = out[size_t(i)];
                 if (recipe_.refinement.by != RefineBy::off) map = refined(recipe_.refinement, p.image, map, p.size);
                 map = rounded(at_size(map, p.size));
               });
  seconds_.refinement += watch.seconds();
  seconds_.maps += int64_t(out.size());
  return out;
}

}  // namespace camo::program
