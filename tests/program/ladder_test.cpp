// Every rung of every ladder computes what the definition says, at odd sizes.
#include "examples/ladders/ladder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "autograd/gradient_check.h"

using namespace camo;

TEST_CASE("each rung of a ladder computes the definition") {
  for (const auto& kind : ladder::ladders()) {
    ladder::Ladder l = kind.make(true);
    REQUIRE(l.name == kind.name);
    for (const auto& rung : l.rungs) {
      CAPTURE(l.name);
      CAPTURE(rung.name);
      l.clear();
      rung.run();
      CHECK(test::relative_error(l.result(), l.truth) < rung.tolerance);
    }
  }
}

TEST_CASE("a rung is a file of at most 80 lines, and its first comment names it") {
  for (const auto& kind : ladder::ladders()) {
    const ladder::Ladder l = kind.make(true);
    for (const auto& rung : l.rungs) {
      CAPTURE(rung.name);
      std::ifstream file(std::string(CAMO_SOURCE_DIR "/examples/ladders/") + l.name + "/" + rung.name + ".cpp");
      std::string line, first;
      int count = 0;
      while (std::getline(file, line)) first = count++ ? first : line;
      CHECK(count > 0);
      CHECK(count <= 80);
      CHECK(first.starts_with("// Rung " + rung.name.substr(0, 1)));
    }
  }
}
