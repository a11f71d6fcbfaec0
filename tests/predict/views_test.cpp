#include "examples/camo/predict/views.h"

#include <doctest/doctest.h>

#include <set>

#include "tensor/error.h"
#include "tensor/random.h"

using namespace camo;
using namespace camo::program;

namespace {

std::string refusal(const std::string& words) {
  try {
    parse_views(words);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

/// Element (b, i, j, c).
float at(const Tensor& x, int64_t b, int64_t i, int64_t j, int64_t c) {
  return x.read<float>()[((b * x.dim(1) + i) * x.dim(2) + j) * x.dim(3) + c];
}

}  // namespace

TEST_CASE("--tta names all combinations of scales, turns and flips") {
  CHECK(parse_views("off") == std::vector<View>{View{}});
  CHECK(parse_views("flip") == std::vector<View>{View{1, false, 0}, View{1, true, 0}});
  CHECK(parse_views("rotate").size() == 4);
  CHECK(parse_views("rotate,scales=0.75:1:1.25,flip").size() == 24);
  CHECK(parse_views("scales=0.5:1") == std::vector<View>{View{0.5, false, 0}, View{1, false, 0}});
  for (const char* words : {"off", "flip", "flip,rotate", "scales=0.5:1", "flip,rotate,scales=0.75:1:1.25"})
    CHECK(to_text(parse_views(words)) == words);
  CHECK(to_text(parse_views("scales=1.25:0.75:1,rotate,flip")) == "flip,rotate,scales=0.75:1:1.25");
  CHECK(to_text(parse_views("scales=1")) == "off");
  check_views(parse_views("scales=0.75:1:1.25"), {128, 128});
  CHECK_THROWS_WITH_AS(check_views(parse_views("scales=0.75:1"), {32, 32}),
                       "--tta: scales 0.75 and 1 both give 32 pixels, a multiple of 32", ConfigError);
  CHECK(size_in(View{.scale = 0.75}, {352, 288}) ==
        ImageSize{256, 224});  // 264 and 216, to the nearest multiples of 32
  CHECK(size_in(View{}, {300, 200}) == ImageSize{300, 200});

  CHECK(refusal("flop") ==
        "--tta: expects off, or some of flip, rotate, scales=X:Y:..., got 'flop' [did you mean flip?]");
  CHECK(refusal("flip,flip") == "--tta: flip is given twice");
  CHECK(refusal("scales=1:1").find("1 is given twice") != std::string::npos);
  CHECK(refusal("scales=9").find("from 0.25 to 4") != std::string::npos);
  CHECK(refusal("scales=x").find("expects a number") != std::string::npos);
  CHECK(refusal("scales").find("expects off") != std::string::npos);
  CHECK(refusal("scales=").find("expects X:Y") != std::string::npos);
  CHECK(refusal("").find("got ''") != std::string::npos);
}

TEST_CASE("views move pixels as their words say, and back bit for bit") {
  const Tensor x = randn({2, 3, 5, 2}, RandomKey{.seed = 3});
  std::set<std::vector<float>> different;
  for (const View& view : parse_views("flip,rotate")) {
    const Tensor y = seen(x, view);
    CHECK(equal_bits(unseen(y, view), x));
    CHECK(y.dim(1) == (view.turns % 2 ? 5 : 3));
    different.emplace(y.read<float>(), y.read<float>() + y.numel());
  }
  CHECK(different.size() == 8);
  const Tensor flipped = seen(x, {.flip = true}), turned = seen(x, {.turns = 1});
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t j = 0; j < 5; ++j)
        for (int64_t c = 0; c < 2; ++c) {
          CHECK(at(flipped, b, i, 4 - j, c) == at(x, b, i, j, c));
          CHECK(at(turned, b, 4 - j, i, c) == at(x, b, i, j, c));  // the right side comes to the top
        }
}
