// Rules for kernels: no feature that the emulator cannot run, nothing that makes results depend on the order of
// arrival, and some keywords only in certain files.  cuda/README.md lists the rules; here each is a pattern that must
// not match code without comments.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace {

struct Rule {
  const char* pattern;
  const char* what;
};

const std::vector<Rule> kRules = {
    {R"(__shared__)", "raw shared memory [SHARED, DYN_SHARED]"},
    {R"(__constant__)", "constant memory [an argument]"},
    {R"(cooperative_groups|\bcg::)", "cooperative groups [cuda/tools/warp.cuh]"},
    {R"(\bclock(64)?\s*\()", "a clock"},
    {R"(__activemask)", "the mask of whoever is there [~0u]"},
    {R"(<<<)", "a launch of its own [launch()]"},
    {R"(__nanosleep|__threadfence)", "waiting between blocks [a second kernel]"},
    {R"(\batomic\w+\s*\([^;]*(float|double))", "an atomic on floating numbers [partial sums, added in order]"},
    {R"(\basm\b)", "PTX [cuda/tools/tile.cuh]"},
    {R"(^\s+static\s+(?!constexpr)\w+[^(]*=)", "a static variable"},
    {R"(std::(vector|string|map|sort|function|cout)\b.*__global__|__global__.*std::(vector|string|map|function))",
     "the host's library"},
};

/// The line without its comment.
std::string code(const std::string& line) { return line.substr(0, line.find("//")); }

/// "file:line: what" for every line that breaks a rule.
std::vector<std::string> broken(const std::string& name, std::istream& in) {
  std::vector<std::string> out;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number)
    for (const Rule& rule : kRules)
      if (std::regex_search(code(line), std::regex(rule.pattern)))
        out.push_back(name + ":" + std::to_string(number) + ": a kernel may not use " + rule.what + ": " + line);
  return out;
}

}  // namespace

TEST_CASE("no kernel breaks a rule") {
  namespace fs = std::filesystem;
  int seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(CAMO_SOURCE_DIR "/cuda")) {
    const std::string path = entry.path().string();
    const std::string kind = entry.path().extension().string();
    const bool kernel_code = kind == ".cu" || kind == ".cuh" || kind == ".h";
    // These files implement CUDA's features or their emulation, so they may use them.
    if (!kernel_code || path.find("/cuda/emulate/") != std::string::npos ||
        path.find("/cuda/gpu/") != std::string::npos || path.ends_with("/cuda/tools/launch.cuh") ||
        path.ends_with("/cuda/tools/tile.cuh"))
      continue;
    std::ifstream in(path);
    for (const std::string& message : broken(path, in)) FAIL_CHECK(message);
    ++seen;
  }
  CHECK(seen > 3);
}

TEST_CASE("every rule detects code that breaks it") {
  const std::vector<std::string> bad = {"  __shared__ float x[32];",
                                        "__constant__ float table[4];",
                                        "namespace g = cooperative_groups;",
                                        "  long long t = clock64();",
                                        "  unsigned m = __activemask();",
                                        "  kernel<<<1, 32>>>(x);",
                                        "  __threadfence();",
                                        "  atomicAdd(reinterpret_cast<float*>(p), 1.f);",
                                        "  asm(\"bar.sync 0;\");",
                                        "  static int calls = 0;",
                                        "__global__ void f(std::vector<int> x) {"};
  CHECK(bad.size() == kRules.size());
  for (const std::string& line : bad) {
    std::istringstream in(line);
    CHECK_MESSAGE(!broken("x.cu", in).empty(), line);
  }
  for (const char* fine :
       {"  // __activemask in a comment", "  static constexpr int kTile = 4;", "  atomicAdd(&count, 1);",
        "  return static_cast<float>(x);", "template <class T> static void f(T x) {"}) {
    std::istringstream in(fine);
    CHECK_MESSAGE(broken("x.cu", in).empty(), fine);
  }
}
