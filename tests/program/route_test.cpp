// Pictures of the routing: they show the right numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <sstream>

#include "examples/camo/data/synth.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/draw/route_style.h"
#include "examples/camo/options/files.h"
#include "tests/program/program_run.h"
#include "tests/report/markup.h"

using namespace camo;
using namespace camo::program;

namespace {

/// The elements of a picture that have this class.
std::vector<test::Element> of_class(const Svg& picture, const std::string& name, const std::string& value) {
  std::vector<test::Element> out;
  for (test::Element& e : test::elements(picture.file(""), name))
    if (e["class"] == value) out.push_back(std::move(e));
  return out;
}

/// The pixels of a picture: how often each colour occurs.
std::map<std::array<int, 3>, int64_t> colours(const Tensor& x) {
  std::map<std::array<int, 3>, int64_t> out;
  const uint8_t* p = x.read<uint8_t>();
  for (int64_t i = 0; i < x.numel(); i += 3) ++out[{p[i], p[i + 1], p[i + 2]}];
  return out;
}

/// The maps in a picture, without photographs.
std::vector<Tensor> maps_of(const Svg& picture) {
  std::vector<Tensor> out;
  for (const test::Element& e : test::elements(picture.file(""), "image"))
    if (e["href"].starts_with("data:image/png")) out.push_back(test::picture_of(e["href"]));
  return out;
}

/// The area of a polygon by the shoelace formula.
double area(const std::string& path) {
  const auto p = test::points_of(path);
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const auto& [x0, y0] = p[i];
    const auto& [x1, y1] = p[(i + 1) % p.size()];
    sum += x0 * y1 - x1 * y0;
  }
  return std::abs(sum) / 2;
}

JsonObject epoch(int64_t number, std::vector<double> load) {
  JsonObject line;
  line.items = {{"epoch", number}, {"load_0", std::move(load)}};
  return line;
}

}  // namespace

TEST_CASE("the bands of the usage picture are as wide as the shares") {
  const std::vector<ScaleNames> scales = {{"H/4", {"one", "two"}}};
  CHECK(!draw_usage({}, scales));
  const Svg picture = *draw_usage({epoch(1, {30, 10}), epoch(2, {60, 20}), epoch(3, {1, 1})}, scales);
  const double one = area(of_class(picture, "path", "expert0").at(0)["d"]),
               two = area(of_class(picture, "path", "expert1").at(0)["d"]);
  CHECK(one / two == doctest::Approx((0.75 + 0.625) / (0.25 + 0.375)).epsilon(0.01));
  std::vector<std::string> titles;
  for (const test::Element& e : test::elements(picture.file(""), "title")) titles.push_back(e.text);
  CHECK(titles == std::vector<std::string>{"epoch 1\none 75%\ntwo 25%", "epoch 2\none 75%\ntwo 25%",
                                           "epoch 3\none 50%\ntwo 50%"});
  // A single epoch fills its panel.
  CHECK(area(of_class(*draw_usage({epoch(7, {1, 1})}, scales), "path", "expert0").at(0)["d"]) > 10000);
  // Of very many epochs, stretches are averaged.
  std::vector<JsonObject> many;
  for (int i = 0; i < 5000; ++i) many.push_back(epoch(i + 1, {i % 2 ? 1. : 0., i % 2 ? 0. : 1.}));
  const Svg long_run = *draw_usage(many, scales);
  CHECK(long_run.file("").size() < 40000);
  for (const auto& [x, y] : test::points_of(of_class(long_run, "path", "expert0").at(0)["d"]))
    CHECK((std::abs(y - 146) < 1 || std::abs(y - 89) < 2));  // 0 and 50 %
}

TEST_CASE("groups that each go to one expert appear as bright cells") {
  moe::Survey survey;
  std::vector<double> share, feature;
  for (int i = 0; i < 40; ++i) {
    share.insert(share.end(), {double(i < 20), double(i >= 20)});
    feature.insert(feature.end(), {i < 20 ? 1.0 : -1.0, 0.001 * i});
  }
  survey.features = from<double>(feature, {40, 2});
  survey.layers = {{.where = "a", .experts = {"one", "<two>"}, .chosen = 1, .share = from<double>(share, {40, 2})}};
  const std::string file = draw_groups(survey).file("");
  int bright = 0, dark = 0;
  for (const test::Element& e : test::elements(file, "rect"))
    bright += e["fill"] == "rgb(252,232,60)", dark += e["fill"] == "rgb(40,10,72)";
  CHECK(bright == dark);
  CHECK(bright >= 2);
  std::map<std::string, int> said;
  for (const test::Element& e : test::elements(file, "text")) ++said[e.text];
  CHECK(said["100%"] == bright);
  CHECK(said["0%"] == dark);
  CHECK(said["<two>"] == 1);
}

TEST_CASE("a photograph is drawn for every model that routes; for a model without routing the error says so") {
  const Tensor photograph = make_synthetic(1, 2, 48, 64).image;
  for (const std::string& name : moe::model_names()) {
    moe::CamoXpert net(nn::Scope{.seed = 1}, {.model = name, .image_height = 32, .image_width = 32});
    net.train(false);
    if (moe::mixtures(net).empty()) {
      CHECK_THROWS_AS(draw_responses(net, photograph, {32, 32}), ConfigError);
      continue;
    }
    const std::vector<Tensor> maps = maps_of(draw_responses(net, photograph, {32, 32}));
    size_t outputs = 0;
    for (moe::Moe* layer : moe::mixtures(net)) outputs += size_t(layer->experts->count());
    REQUIRE(maps.size() == outputs);
    CHECK(maps[0].shape() == Shape{8, 8, 3});  // H/4, at the map's own size
    CHECK(colours(maps[0]).size() > 20);
    for (moe::Moe* layer : moe::mixtures(net)) CHECK(layer->listeners.empty());
  }
}

TEST_CASE("a network with pools of different sizes can be drawn") {
  struct Net : nn::Module {
    moe::Moe images, pixels;
    Net()
        : Module(nn::Scope{.seed = 1}),
          images(sub("images"), 3, moe::MlpPool{.experts = 3, .hidden = 4}, {}),
          pixels(sub("pixels"), 3, moe::MlpPool{.experts = 5, .hidden = 4}, {.routing = moe::Routing::pixel}) {}
    Var forward(const Var& x) { return pixels.forward(images.forward(x).y).y; }
  } net;
  net.train(false);
  moe::Survey survey;
  std::optional<Svg> picture;
  {
    moe::Surveyor surveyor(net);
    for (int i = 0; i < 4; ++i)
      picture =
          draw_responses(net, [&](const Var& x) { net.forward(x); }, make_synthetic(1, i, 16, 16).image, {16, 16});
    survey = surveyor.result();
  }
  CHECK(survey.images() == 4);
  CHECK(maps_of(*picture).size() == 3 + 1 + 5);  // the outputs of the experts, and who is chosen at each pixel
  CHECK(test::elements(draw_groups(survey).file(""), "text").size() > 8);
}

TEST_CASE("with routing by tile, the first choices are drawn over the photograph") {
  moe::CamoXpert net(nn::Scope{.seed = 1}, {.mixture = {.routing = moe::Routing::tile, .tile = 2}});
  net.train(false);
  const std::vector<Tensor> maps = maps_of(draw_responses(net, full({64, 64, 3}, 128, DType::u8), {64, 64}));
  const std::vector<moe::Moe*> layers = moe::mixtures(net);
  size_t at = 0;
  for (const moe::Moe* layer : layers) {
    int64_t of_experts = 0;
    for (const auto& [colour, n] : colours(maps.at(at)))
      for (size_t e = 0; e < size_t(layer->experts->count()); ++e)
        if (colour == std::array<int, 3>{expert_colour(e)[0], expert_colour(e)[1], expert_colour(e)[2]})
          of_experts += n;
    CHECK(of_experts == maps[at].dim(0) * maps[at].dim(1));
    at += 1 + size_t(layer->experts->count());
  }
  CHECK(at == maps.size());
}

TEST_CASE("numbers that are not finite are drawn as such: no index, no coordinate and no order comes from them") {
  CHECK(heat(NAN) == Colour{255, 0, 160});
  CHECK(heat(INFINITY) == heat(1));
  CHECK(heat(-INFINITY) == heat(0));
  // Epochs whose loads are not finite, or of another number of experts, are left out of the chart.
  const std::vector<ScaleNames> scales = {{"H/4", {"one", "two"}}};
  const std::vector<JsonObject> good = {epoch(1, {1, 3}), epoch(4, {2, 2})};
  std::vector<JsonObject> spoilt = good;
  spoilt.insert(spoilt.begin() + 1, {epoch(2, {NAN, 1}), epoch(3, {5}), epoch(3, {INFINITY, 1})});
  CHECK(draw_usage(spoilt, scales)->file("") == draw_usage(good, scales)->file(""));
}

TEST_CASE("a run whose experts have names shows them, verifies, and writes who was chosen as a table") {
  test::TempFolder folder;
  const std::string run = folder / "run";
  const test::ProcessResult trained = test::run_camo(
      "train --data synthetic --size 32 --batch-size 2 --count 8 --epochs 1 --pool texture,texture,edge,contrast "
      "--router average=0.5,limit=2,entropy=1e-3 --threads 1 --out " +
      run);
  REQUIRE_MESSAGE(trained.code == 0, trained.error);
  CHECK(test::contains(trained.out, "texture 2"));
  CHECK(test::run_camo("verify --threads 1 --weights " + run).code == 0);
  for (const char* name : {"COD10K-CAM-1-Aquatic-3-Crab-29", "plain, with comma"})
    test::write_pair_files(folder.path + "/in/" + name + ".png", folder / "mask.png", 40, 40, 40);
  const std::string in = folder / "in", csv = folder / "who.csv";
  CHECK(test::run_camo("route --threads 1 --weights " + run + " " + in + " --csv " + csv).code == 0);
  std::istringstream lines(program::read_file<DataError>(csv));
  std::string head, crab, plain;
  std::getline(lines, head), std::getline(lines, crab), std::getline(lines, plain);
  CHECK(head.rfind("photograph,group,H/4 texture,H/4 texture 2,H/4 edge,H/4 contrast,H/8 texture,", 0) == 0);
  CHECK(crab.rfind("COD10K-CAM-1-Aquatic-3-Crab-29,Aquatic-Crab,", 0) == 0);
  CHECK(plain.rfind("\"plain, with comma\",,", 0) == 0);
  double sum = 0;  // of the weights at four scales
  std::istringstream fields(crab.substr(crab.find("Crab,") + 5));
  for (std::string field; std::getline(fields, field, ',');) sum += std::stod(field);
  CHECK(sum == doctest::Approx(4).epsilon(1e-3));
  CHECK(test::run_camo("train --data synthetic --out x --pool textur,edge").code == 2);
  CHECK(test::run_camo("train --data synthetic --out x --pool edge").code == 2);
  CHECK(test::run_camo("train --data synthetic --out x --pool edge,edge --experts 2").code == 2);
  CHECK(test::run_camo("train --data synthetic --out x --router delay-epochs=1").code == 2);
}

TEST_CASE("camo verify and camo route run from the command line") {
  test::ProcessResult fresh = test::run_camo("verify --size 32 --threads 1");
  CHECK(fresh.code == 0);
  CHECK(fresh.out.find("needs data [--data]") != std::string::npos);
  CHECK(fresh.out.find("all is well") != std::string::npos);
  test::ProcessResult json = test::run_camo("verify --size 32 --threads 1 --json");
  CHECK(json.out.find("{\"name\": \"weights\", \"where\": \"scales.0.mixture\", \"verdict\": \"ok\"") == 0);
  fresh = test::run_camo("verify --size 32 --threads 1 --data synthetic --images 48");
  CHECK(fresh.code == 0);
  CHECK(fresh.out.find("the network is fresh") != std::string::npos);
  CHECK(fresh.out.find("% of the ") != std::string::npos);
  CHECK(test::run_camo("route --out x").code == 2);
  test::TempFolder folder;
  test::write_pair_files(folder / "photo.png", folder / "out/usage.svg", 8, 8, 8);
  test::ProcessResult taken = test::run_camo("route --weights x --out " + folder / "out " + folder / "photo.png");
  CHECK(taken.code == 2);
  CHECK(taken.error.find("usage.svg exists") != std::string::npos);
}
