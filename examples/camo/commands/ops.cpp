// camo ops: the coverage table.  One of the two files that include tests/: only a build with tests has this command.
#include <algorithm>
#include <cstdio>
#include <map>

#include "examples/camo/commands/commands.h"
#include "tests/op_case.h"

namespace camo::program {

int ops_command(const Arguments& words) {
  using test::Check;
  Command command{.name = "ops",
                  .summary =
                      "Runs every check on every op (or on the ops of one file, as tests/ops/STEM.cpp) and prints the "
                      "table.",
                  .usage = "camo ops [STEM]",
                  .options = {},
                  .rest = "STEM",
                  .notes = "ok: passed   FAIL: failed   -: does not apply, for the reason given below the table"};
  Given given = read(command, words);
  const std::vector<Check> checks = test::checks();
  std::vector<std::string> stems;
  for (const test::OpCase& c : test::cases()) stems.push_back(c.stem);
  for (const std::string& stem : given.rest)
    check<ConfigError>(std::count(stems.begin(), stems.end(), stem), "camo ops: no such file of ops '", stem, "'",
                       hint(stem, stems));

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
      if (!o.applies) ++inapplicable, ++reasons[text(test::name(kind), ": ", o.note)];
      else if (o.passed) ++passed;
      else failures.push_back(text(c.name, ", ", test::name(kind), ": ", o.note));
    }
    std::printf("\n");
  }
  std::printf("\n%d passed, %zu failed, %d do not apply\n", passed, failures.size(), inapplicable);
  for (const auto& [reason, count] : reasons) std::printf("  %4d  %s\n", count, reason.c_str());
  for (const std::string& f : failures) std::printf("FAIL  %s\n", f.c_str());
  return failures.empty() ? 0 : 1;
}

}  // namespace camo::program
