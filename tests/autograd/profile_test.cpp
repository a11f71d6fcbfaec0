// Sections of a profile: names, nesting, counts, memory that a part keeps.
#include "autograd/profile.h"

#include <doctest/doctest.h>

#include <optional>
#include <thread>

#include "tensor/error.h"
#include "tensor/tensor.h"

using namespace camo;
using debug::Profile;
using debug::Section;

TEST_CASE("sections nest, add up by their path, and cost nothing without a profile") {
  { Section unmeasured("outside"); }
  Profile profile;
  Tensor kept;
  for (int i = 0; i < 3; ++i) {
    Section forward("forward");
    {
      Section inner("experts");
      kept = zeros({1000});
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    Section second("decoder");
  }
  { Section again("experts"); }
  const std::vector<Profile::Part> parts = profile.parts();
  REQUIRE(parts.size() == 4);
  CHECK(parts[0].path == "forward");
  CHECK(parts[1].path == "forward/experts");
  CHECK(parts[2].path == "forward/decoder");
  CHECK(parts[3].path == "experts");
  CHECK(parts[1].depth == 1);
  CHECK(parts[3].depth == 0);
  CHECK(parts[0].calls == 3);
  CHECK(parts[3].calls == 1);
  CHECK(parts[1].seconds >= 0.006);
  CHECK(parts[0].seconds >= parts[1].seconds + parts[2].seconds);
  CHECK(parts[1].bytes >= 4000);
  CHECK(parts[2].bytes == 0);
  profile.clear();
  CHECK(profile.parts()[0].calls == 0);
}

TEST_CASE("a profile is of one thread, and there is one at a time") {
  std::optional<Profile> profile(std::in_place);
  std::thread([] { Section elsewhere("elsewhere"); }).join();
  CHECK(profile->parts().empty());
  CHECK_THROWS_AS(Profile second, GraphError);
  profile.reset();
  Profile later;
  CHECK(later.parts().empty());
}
