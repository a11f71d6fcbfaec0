#include "tests/op_case.h"

#include <filesystem>

namespace camo::test {
namespace {
std::vector<OpCase>& registry() {
  static std::vector<OpCase> all;
  return all;
}
}  // namespace

bool add_case(OpCase c, const char* file) {
  c.stem = std::filesystem::path(file).stem().string();
  registry().push_back(std::move(c));
  return true;
}

const std::vector<OpCase>& cases() { return registry(); }

}  // namespace camo::test
