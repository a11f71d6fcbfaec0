// Swin: windows and bias tables.  backbone_test.cpp tests what all backbones have in common; golden_test.cpp
// compares them with timm.
#include "nn/backbones/swin.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/weights.h"
#include "tests/golden/golden.h"

using namespace camo;
using namespace camo::nn;

TEST_CASE("Swin can also be named by timm's longer names") {
  auto model = backbone("swin_small_patch4_window7_224");
  CHECK(model->parameter_count() == 48835722);
  CHECK(model->named_parameters().size() == 325);
}

TEST_CASE("Swin's windows follow the size it is built for, separately for each axis") {
  auto spec = [](int64_t height, int64_t width, bool shifted) {
    const WindowSpec w = swin_window(height, width, shifted);
    return Shape{w.height, w.width, w.shift_y, w.shift_x};
  };
  CHECK(spec(56, 56, true) == Shape{7, 7, 3, 3});
  CHECK(spec(56, 56, false) == Shape{7, 7, 0, 0});
  CHECK(spec(7, 8, true) == Shape{7, 7, 0, 3});
  CHECK(spec(12, 6, true) == Shape{7, 6, 3, 0});
}

TEST_CASE("a Swin built for 224 never shifts its last stage, one built for 256 does") {
  auto small = backbone("swin_tiny"), large = backbone("swin_tiny", {}, {.height = 256, .width = 256});
  golden::set_weights(*small), golden::set_weights(*large);
  NoGrad no_grad;
  Var x(randn({1, 256, 256, 3}, 2));
  std::vector<Var> a = small->forward(x), b = large->forward(x);
  for (int i = 0; i < 4; ++i) CHECK(equal_bits(a[i].value(), b[i].value()) == (i < 3));
}

TEST_CASE("the relative position index counts distances") {
  std::vector<int64_t> i = to_vector<int64_t>(relative_position_index(7, 7));
  auto at = [&](int64_t query, int64_t key) { return i[query * 49 + key]; };
  CHECK(std::vector{at(0, 0), at(0, 1), at(0, 7), at(0, 48), at(48, 0), at(1, 0), at(7, 0), at(24, 24)} ==
        std::vector<int64_t>{84, 83, 71, 0, 168, 85, 97, 84});
  int64_t sum = 0;
  for (int64_t x : i) sum += x;
  CHECK(sum == 201684);
  CHECK(to_vector<int64_t>(relative_position_index(2, 2)) ==
        std::vector<int64_t>{4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4});
  CHECK(to_vector<int64_t>(relative_position_index(1, 2)) == std::vector<int64_t>{1, 0, 2, 1});
}

// From timm: t = [[((37 i + 11 h) % 101) / 101 for h in 0, 1] for i in 0 ... 168];
// y = resize_rel_pos_bias_table(t, (H, W), ((2H - 1)(2W - 1), 2)).reshape(-1);
// elements i * numel // 12, the sum, and the sum of i y[i] in double.
TEST_CASE("a bias table is resized as timm does it") {
  struct Truth {
    int64_t height, width;
    std::vector<double> samples;
    double sum, moment;
  };
  const Truth truths[] = {{6,
                           6,
                           {0.22885697, 0.73345113, 0.26653108, 0.56720668, 0.97421765, 0.37623763, 0.88118809,
                            0.27722773, 0.66934574, 0.08712951, 0.49731922, 0.7352919},
                           119.93304086476564,
                           14351.68281046208},
                          {12,
                           12,
                           {6.96e-06, 0.30630219, 0.77683198, 0.2671048, 0.64043474, 0.86301827, 0.88118809, 0.5964281,
                            0.21676937, 0.40346402, 0.82677984, 0.46284467},
                           523.6679130000407,
                           280660.6138855787},
                          {4,
                           9,
                           {0.28011653, 0.95338386, 0.58933944, 0.62356621, 0.12485357, 0.68561673, 0.88118809,
                            0.54983753, 0.52861178, 0.49063802, 0.24504438, 0.70008147},
                           117.01365177892148,
                           13812.358346660621}};
  std::vector<float> numbers;
  for (int i = 0; i < 169; ++i)
    for (int h = 0; h < 2; ++h) numbers.push_back(float((37 * i + 11 * h) % 101) / 101);
  Tensor table = from(numbers, {169, 2});
  for (const Truth& t : truths) {
    CAPTURE(t.height);
    Tensor resized = resize_relative_table(table, t.height, t.width);
    REQUIRE(resized.shape() == Shape{(2 * t.height - 1) * (2 * t.width - 1), 2});
    std::vector<double> y = to_vector<double>(resized);
    double sum = 0, moment = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i], moment += double(i) * y[i];
    for (size_t i = 0; i < 12; ++i) CHECK(std::abs(y[i * y.size() / 12] - t.samples[i]) < 2e-6);
    CHECK(sum == doctest::Approx(t.sum).epsilon(1e-6));
    CHECK(moment == doctest::Approx(t.moment).epsilon(1e-6));
  }
  CHECK(equal_bits(resize_relative_table(table, 7, 7), table));
  CHECK_THROWS_WITH_AS(resize_relative_table(zeros({168, 2}), 7, 7),
                       "resize_relative_table: a square window has (2h - 1)^2 rows, got (168, 2)", WeightsError);
}

TEST_CASE("weights made for windows of 7 fit a network whose last windows are smaller") {
  auto from = backbone("swin_tiny", {.seed = 1});
  auto to = backbone("swin_tiny", {.initialise = false}, {.height = 192, .width = 160});
  WeightsReport report = load_weights(*to, state_dict(*from));
  CHECK(report.resized == std::vector<std::string>{"layers.3.blocks.0.attn.relative_position_bias_table",
                                                   "layers.3.blocks.1.attn.relative_position_bias_table"});
  auto table = [](const Module& m, const std::string& name) {
    for (const auto& [key, t] : state_dict(m))
      if (key == name) return t;
    return Tensor();
  };
  for (const std::string& name : report.resized)
    CHECK(equal_bits(table(*to, name), resize_relative_table(table(*from, name), 6, 5)));
}
