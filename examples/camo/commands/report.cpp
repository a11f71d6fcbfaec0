// camo report: a page about a run, or about several runs side by side.
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/report/run_report.h"
#include "examples/camo/trained/run_folder.h"

namespace camo::program {

int report_command(const Arguments& words) {
  std::string out;
  Command command{
      .name = "report",
      .summary =
          "Writes a page about a run, finished, stopped or killed, from the files of its folder; or about "
          "several runs side by side.  The page needs no other file and opens in any browser.",
      .usage = "camo report RUN... [--out FILE.html]",
      .options = {{"out", &out, "file to write; of a single run report.html in its folder, if this is not given"}},
      .rest = "RUN"};
  const CommandLine line = read(command, words);
  check<ConfigError>(!line.rest.empty(), "camo report: needs a run folder, or several");
  check<ConfigError>(!out.empty() || line.rest.size() == 1, "camo report: several runs need --out FILE.html");
  check<ConfigError>(out.empty() || out.ends_with(".html"), "camo report --out: must end in .html, got '", out, "'");
  if (!out.empty()) check_writable(out, "camo report --out");
  const std::string file = out.empty() ? run_file(line.rest[0], RunFile::report) : out;
  const size_t bytes = write_report(line.rest, file, "camo report");
  std::printf("%s (%s)\n", file.c_str(), bytes_text(double(bytes)).c_str());
  return 0;
}

}  // namespace camo::program
