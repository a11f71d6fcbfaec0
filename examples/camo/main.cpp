// The program `camo`.  Read next: commands.h, then trainer.h.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "examples/camo/commands.h"

#ifdef CAMO_HAS_CASES
#include <cstdio>
#include <map>

#include "tests/op_case.h"

namespace camo::program {
namespace {

/// The coverage table: every op case against every check, run now; then why some do not apply.
int ops_command(const Arguments& words) {
  using test::Check;
  Command command{
      .name = "ops",
      .summary =
          "Runs every check on every op (or on the ops of one file, as tests/ops/STEM.cpp) and prints the "
          "table.",
      .usage = "camo ops [STEM]",
      .options = {},
      .rest = "STEM",
      .notes = "ok: passed   FAIL: failed   -: does not apply, for the reason given below the table"};
  Given given = read(command, words);
  const Check checks[] = {Check::gradient, Check::single_input, Check::f32,   Check::bf16,
                          Check::cuda,     Check::determinism,  Check::sizes, Check::errors};
  std::vector<std::string> stems;
  for (const test::OpCase& c : test::cases()) stems.push_back(c.stem);
  for (const std::string& stem : given.rest)
    check<ConfigError>(std::count(stems.begin(), stems.end(), stem), "camo ops: no such file of ops '", stem,
                       "'", hint(stem, stems));

  std::printf("%-44s", "op");
  for (Check c : checks) std::printf(" %-12s", test::name(c));
  std::printf("\n");
  std::map<std::string, int> reasons;
  std::vector<std::string> failures;
  int passed = 0, inapplicable = 0;
  for (const test::OpCase& c : test::cases()) {
    if (!given.rest.empty() && c.stem != given.rest[0]) continue;
    std::printf("%-44s", c.name.c_str());
    for (Check kind : checks) {
      test::Outcome o = test::run_check(c, kind);
      std::printf(" %-12s", !o.applies ? "-" : o.passed ? "ok" : "FAIL");
      std::fflush(stdout);
      if (!o.applies)
        ++inapplicable, ++reasons[text(test::name(kind), ": ", o.note)];
      else if (o.passed)
        ++passed;
      else
        failures.push_back(text(c.name, ", ", test::name(kind), ": ", o.note));
    }
    std::printf("\n");
  }
  std::printf("\n%d passed, %zu failed, %d do not apply\n", passed, failures.size(), inapplicable);
  for (const auto& [reason, count] : reasons) std::printf("  %4d  %s\n", count, reason.c_str());
  for (const std::string& f : failures) std::printf("FAIL  %s\n", f.c_str());
  return failures.empty() ? 0 : 1;
}

int bench_with_ops(const Arguments& words) {
  return !words.empty() && words[0] == "ops" ? bench_ops_command(words) : bench_command(words);
}

}  // namespace
}  // namespace camo::program
#endif

int main(int argc, char** argv) {
  // Threads that wait for each other must not spin: loader workers, or another program, need the cores.  Only a
  // benchmark has the machine to itself.  OpenMP reads this variable when the process starts: start again with it.
  const char* policy = argc > 1 && std::string_view(argv[1]) == "bench" ? "active" : "passive";
  if (!std::getenv("OMP_WAIT_POLICY") && ::setenv("OMP_WAIT_POLICY", policy, 0) == 0) {
    std::error_code error;
    std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error) ::execv(self.c_str(), argv);
  }
  std::vector<camo::program::Entry> all = camo::program::commands();
#ifdef CAMO_HAS_CASES
  for (camo::program::Entry& e : all)
    if (e.name == "bench") e.run = camo::program::bench_with_ops;
  all.push_back({"ops", "coverage table: every op against every check", camo::program::ops_command});
#endif
  return camo::program::run(all, argc, argv);
}
