// op_test STEM [CASE] [--small] [--only CHECK] runs every check except the benchmark on every case of a stem and prints
// a line for each.  --small leaves out the further sizes, for tools that slow a GPU down a hundred times.
#include <cstdio>
#include <string>
#include <vector>

#include "tests/op_case.h"

using namespace camo::test;

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  std::string only;
  if (words.size() > 2 && words[words.size() - 2] == "--only") only = words.back(), words.resize(words.size() - 2);
  const bool small = !words.empty() && words.back() == "--small";
  if (small) words.pop_back();
  if (words.empty()) return std::fprintf(stderr, "usage: op_test STEM [CASE] [--small] [--only CHECK]\n"), 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // so that a crash still shows which case ran last
  int ran = 0, failed = 0, inapplicable = 0;
  for (OpCase c : cases()) {
    if (small) c.sizes.clear();
    if (c.stem != words[0] || (words.size() > 1 && c.name != words[1])) continue;
    for (Check check : checks()) {
      if (!only.empty() && only != name(check)) continue;
      Outcome o = run_check(c, check);
      (o.applies ? ran : inapplicable)++;
      failed += !o.passed;
      std::printf("%-6s %-32s %-13s %s\n",
                  !o.applies ? "-"
                  : o.passed ? "ok"
                             : "FAILED",
                  c.name.c_str(), name(check), o.note.c_str());
    }
  }
  if (ran + inapplicable == 0)
    return std::fprintf(stderr, "op_test: no such stem, case or check: %s [stems are the files of tests/ops]\n",
                        words[0].c_str()),
           2;
  std::printf("%s: %d checks, %d failed, %d do not apply\n", words[0].c_str(), ran, failed, inapplicable);
  return failed || ran == 0;
}
