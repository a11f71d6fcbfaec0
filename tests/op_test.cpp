// op_test STEM [CASE]: every check but the benchmark on every case of one stem, a line each.
#include <cstdio>
#include <cstring>

#include "tests/op_case.h"

using namespace camo::test;

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: op_test STEM [CASE]\n"), 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a crash still shows which case ran last
  int ran = 0, failed = 0, inapplicable = 0;
  for (const OpCase& c : cases()) {
    if (c.stem != argv[1] || (argc > 2 && c.name != argv[2])) continue;
    for (Check check : {Check::gradient, Check::single_input, Check::f32, Check::bf16, Check::cuda,
                        Check::determinism, Check::sizes, Check::errors}) {
      Outcome o = run_check(c, check);
      (o.applies ? ran : inapplicable)++;
      failed += !o.passed;
      std::printf("%-6s %-32s %-13s %s\n", !o.applies ? "-" : o.passed ? "ok" : "FAILED", c.name.c_str(), name(check), o.note.c_str());
    }
  }
  std::printf("%s: %d checks, %d failed, %d do not apply\n", argv[1], ran, failed, inapplicable);
  return failed || ran == 0;
}
