// Completion in fish: one line for each flag and subject, with the condition under which it counts.
// Source: fish's manual of `complete`.
#include "examples/camo/manual/manual.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

/// Between single quotes.
std::string fish_quoted(const std::string& words) {
  return text("'", replaced(replaced(words, "\\", "\\\\"), "'", "\\'"), "'");
}

/// The value of a flag: words, files, or one that fish does not know.
std::string fish_value(const HelpPage::Flag& flag) {
  if (flag.kind.empty()) return "";
  if (flag.words.empty()) return flag.kind == "TEXT" ? " -r -F" : " -x";
  std::string out;
  for (const std::string& word : flag.words) out += (out.empty() ? "" : " ") + word;
  return " -x -a " + fish_quoted(out);
}

constexpr const char* kFishBegin = R"(# Completion of camo in fish:  camo manual --format fish | source
function __camo_in  # the words after camo begin with these
    set -l words (commandline -opc)
    for i in (seq (count $argv))
        test "$words[$(math $i + 1)]" = "$argv[$i]"; or return 1
    end
end
function __camo_at  # the words after camo are these
    test (count (commandline -opc)) -eq (math (count $argv) + 1); and __camo_in $argv
end
complete -c camo -f
)";

}  // namespace

std::string fish_completion(const std::vector<HelpPage>& pages) {
  std::string out = kFishBegin;
  for (const HelpPage& page : pages) {
    const std::string name = page.name.empty() ? "" : " " + page.name;
    for (const Entry& entry : page.subjects)
      out +=
          text("complete -c camo -n '__camo_at", name, "' -a ", entry.name, " -d ", fish_quoted(entry.summary), "\n");
    for (const HelpPage::Flag& flag : page.flags)
      out += text("complete -c camo -n '", name.empty() ? "__camo_at" : "__camo_in", name, "' -l ", flag.name,
                  fish_value(flag), " -d ", fish_quoted(flag.help), "\n");
    if (!page.rest.empty()) out += text("complete -c camo -n '__camo_in", name, "' -F\n");
  }
  return out;
}

}  // namespace camo::program
