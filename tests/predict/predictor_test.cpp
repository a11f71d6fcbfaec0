#include "examples/camo/predict/predictor.h"

#include <doctest/doctest.h>

#include <cmath>

#include "examples/camo/data/synth.h"
#include "examples/camo/trained/checkpoint.h"
#include "tensor/parallel.h"

using namespace camo;
using namespace camo::program;

namespace {

std::unique_ptr<moe::CamoXpert> network(uint64_t seed) {
  TrainConfig config;
  config.seed = int64_t(seed);
  std::unique_ptr<moe::CamoXpert> out = make_model(config);
  out->train(false);
  return out;
}

Tensor picture_of(int64_t h, int64_t w, uint64_t index = 0) { return make_synthetic(5, int64_t(index), h, w).image; }

Photograph own_size(const Predictor& predictor, const Tensor& image) {
  return predictor.prepared("picture", image, {image.dim(0), image.dim(1)});
}

/// Logits of one input (h, w, 3) in a view, turned back: (1, h, w, 1).
Tensor logits_in(moe::CamoXpert& model, const Tensor& input, const View& view) {
  NoGrad no_grad;
  const Tensor x = input.reshape(input.shape().inserted(0, 1));
  return unseen(model.forward(Var(seen(x, view))).logits.value(), view);
}

double difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double worst = 0;
  for (int64_t i = 0; i < a.numel(); ++i)
    worst = std::max(worst, std::abs(double(a.read<float>()[i]) - double(b.read<float>()[i])));
  return worst;
}

/// sigmoid of the mean of some logits, in f64.
Tensor mean_map(const std::vector<Tensor>& logits, bool of_probabilities = false) {
  Tensor out = zeros(logits[0].shape());
  for (int64_t i = 0; i < out.numel(); ++i) {
    double sum = 0;
    for (const Tensor& l : logits) {
      const double z = double(l.read<float>()[i]);
      sum += of_probabilities ? 1 / (1 + std::exp(-z)) : z;
    }
    sum /= double(logits.size());
    out.write<float>()[i] = float(of_probabilities ? sum : 1 / (1 + std::exp(-sum)));
  }
  return out;
}

}  // namespace

TEST_CASE("a map depends on its photograph alone and has its size") {
  const auto model = network(1);
  Predictor predictor({{model.get(), {32, 32}}}), one_by_one({{model.get(), {32, 32}}}, {}, 1);
  const Photograph a = own_size(predictor, picture_of(50, 41)), b = own_size(predictor, picture_of(33, 70));
  const std::vector<Tensor> together = predictor.maps({a, b});
  CHECK(together[1].shape() == Shape{33, 70, 1});
  const Tensor p = resize_bilinear(mean_map({logits_in(*model, a.inputs[0], {})}), 50, 41);
  double worst = 0;
  for (int64_t i = 0; i < 50 * 41; ++i)
    worst = std::max(worst, std::abs(together[0].read<uint8_t>()[i] - 255.0 * double(p.read<float>()[i])));
  CHECK(worst < 0.501);  // rounded to the nearest grey level
  CHECK(equal_bits(together[0], predictor.maps({a})[0]));
  CHECK(equal_bits(together[1], predictor.maps({b})[0]));
  CHECK(equal_bits(together[1], one_by_one.maps({a, b})[1]));
}

TEST_CASE("the plain view alone gives the plain bits; the same network twice does too") {
  const auto model = network(1);
  const Member member{model.get(), {48, 32}};
  Predictor plain({member}), view({member}, {{View{}}, Mean::logits}), twice({member, member});
  const Tensor image = picture_of(60, 50);
  const Tensor expected = plain.maps({own_size(plain, image)})[0];
  CHECK(equal_bits(view.maps({own_size(view, image)})[0], expected));
  CHECK(equal_bits(twice.maps({own_size(twice, image)})[0], expected));
}

TEST_CASE("the probability is the sigmoid of the mean of the logits, each turned back") {
  const auto model = network(2);
  const Member member{model.get(), {64, 32}};  // not square: odd turns have another size
  const Tensor image = picture_of(64, 32);
  for (const char* words : {"flip", "rotate", "flip,rotate"}) {
    CAPTURE(words);
    const std::vector<View> views = parse_views(words);
    for (int64_t batch : {1, 3, 16}) {
      Predictor predictor({member}, {views, Mean::logits}, batch);
      const Photograph photograph = own_size(predictor, image);
      std::vector<Tensor> logits;
      for (const View& v : views) logits.push_back(logits_in(*model, photograph.inputs[0], v));
      CHECK(difference(predictor.probabilities({photograph})[0], mean_map(logits)) < 1e-6);
      Predictor other({member}, {views, Mean::probabilities}, batch);
      CHECK(difference(other.probabilities({photograph})[0], mean_map(logits, true)) < 1e-6);
    }
  }
  Predictor scaled({member}, {parse_views("scales=0.5:1:1.5"), Mean::logits});
  const Photograph photograph = own_size(scaled, image);
  REQUIRE(photograph.inputs.size() == 3);
  CHECK(photograph.inputs[2].shape() == Shape{96, 64, 3});  // 48 is halfway between two multiples of 32
  std::vector<Tensor> logits;
  for (const Tensor& x : photograph.inputs) logits.push_back(resize_bilinear(logits_in(*model, x, {}), 64, 32));
  CHECK(difference(scaled.probabilities({photograph})[0], mean_map(logits)) < 1e-6);
}

TEST_CASE("with --tta flip a mirrored photograph has the mirrored map, bit for bit") {
  const auto model = network(3);
  Predictor flips({{model.get(), {32, 64}}}, {parse_views("flip"), Mean::logits}), plain({{model.get(), {32, 64}}}, {});
  const Tensor image = picture_of(32, 64), mirrored = flip(image, 1);
  const auto map = [&](Predictor& p, const Tensor& x) { return p.maps({own_size(p, x)})[0]; };
  CHECK(equal_bits(map(flips, mirrored), flip(map(flips, image), 1)));
  CHECK(!equal_bits(map(plain, mirrored), flip(map(plain, image), 1)));
}

TEST_CASE("networks of different sizes and normalisations are averaged at the size of the first") {
  const auto a = network(4), b = network(5);
  const Normalisation lite = kLiteNormalisation;
  Predictor both({{a.get(), {64, 64}}, {b.get(), {32, 96}, lite}}, {{View{}}, Mean::probabilities});
  const Tensor image = picture_of(70, 40);
  const Photograph photograph = own_size(both, image);
  CHECK(photograph.inputs[1].shape() == Shape{32, 96, 3});
  Predictor alone({{b.get(), {32, 96}, lite}});
  CHECK(equal_bits(photograph.inputs[1], own_size(alone, image).inputs[0]));
  const Tensor pa = mean_map({logits_in(*a, photograph.inputs[0], {})}),
               pb = mean_map({logits_in(*b, photograph.inputs[1], {})});
  const Tensor expected = (pa + resize_bilinear(pb, 64, 64)) / 2;
  CHECK(difference(both.probabilities({photograph})[0], expected) < 1e-6);
}

TEST_CASE("threads and neighbours do not change a bit of an averaged map") {
  const auto a = network(6);
  Predictor predictor({{a.get(), {32, 32}}}, {parse_views("flip,scales=1:2"), Mean::logits}, 3);
  std::vector<Photograph> photographs;
  for (uint64_t i = 0; i < 3; ++i) photographs.push_back(own_size(predictor, picture_of(30 + int64_t(i), 40, i)));
  const std::vector<Tensor> together = predictor.maps(photographs);
  const int before = threads();
  set_threads(1);
  for (size_t i = 0; i < 3; ++i) CHECK(equal_bits(predictor.maps({photographs[i]})[0], together[i]));
  set_threads(before);
}
