// camo ops: a table of ops and checks.  A build without tests has no_cases.cpp instead.
#include <algorithm>
#include <cstdio>
#include <map>

#include "examples/camo/commands/commands.h"
#include "tests/op_case.h"

namespace camo::program {

int ops_command(const Arguments& words) {
  using test::Check;
  Command command{
      .name = "ops",
      .summary = "Runs every check on every op and prints the table.  STEM picks the ops of tests/ops/STEM.cpp.",
      .usage = "camo ops [STEM]",
      .options = {},
      .rest = "STEM",
      .notes = "ok: passed.  FAIL: failed.  -: the check does not apply; the reason stands below the table."};
  const CommandLine line = read(command, words);
  const std::vector<Check> checks = test::checks();
  std::vector<std::string> stems;
  for (const test::OpCase& c : test::cases()) stems.push_back(c.stem);
  for (const std::string& stem : line.rest)
    check<ConfigError>(std::count(stems.begin(), stems.end(), stem), "camo ops: no such file of ops '", stem, "'",
                       hint(stem, stems));

  std::printf("%-44s", "op");
  for (Check c : checks) std::printf(" %-12s", test::name(c));
  std::printf("\n");
  std::map<std::string, int> reasons;
  std::vector<std::string> failures;
  int passed = 0, inapplicable = 0;
  for (const test::OpCase& c : test::cases()) {
    if (!line.rest.empty() && c.stem != line.rest[0]) continue;
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
