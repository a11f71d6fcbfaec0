// Completion in zsh: one function for each page, which calls those of its subjects.
// Source: zshcompsys(1), _arguments and _describe.
#include "examples/camo/manual/manual.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

/// Between single quotes.
std::string zsh_quoted(const std::string& words) { return text("'", replaced(words, "'", "'\\''"), "'"); }

/// "bench all" is completed by _camo_bench_all.
std::string zsh_function(const std::string& page) {
  return replaced(replaced(page.empty() ? "_camo" : "_camo " + page, " ", "_"), "-", "_");
}

/// '--flag=[help]:KIND:(words)', with * before a flag that may be given several times.
std::string zsh_flag(const HelpPage::Flag& flag) {
  const std::string help = replaced(replaced(flag.help, "[", "\\["), "]", "\\]");
  std::string out = text(flag.repeats ? "*--" : "--", flag.name, flag.kind.empty() ? "" : "=", "[", help, "]");
  if (!flag.kind.empty()) out += ":" + flag.kind + ":";
  if (flag.words.empty()) return zsh_quoted(out + (flag.kind == "TEXT" ? "_files" : ""));
  for (const std::string& word : flag.words) out += (word == flag.words[0] ? "(" : " ") + word;
  return zsh_quoted(out + ")");
}

/// Completes the word after the page's name to a subject, and leaves later ones to the subject's function.
std::string zsh_subjects(const HelpPage& page) {
  std::string words, branches;
  for (const Entry& entry : page.subjects) {
    words += "      " + zsh_quoted(entry.name + ":" + entry.summary) + "\n";
    branches += text("      ", entry.name, ") ", zsh_function((page.name.empty() ? "" : page.name + " ") + entry.name),
                     " ;;\n");
  }
  return text("  if ((CURRENT > 2)); then\n    shift words\n    ((CURRENT--))\n    case $words[1] in\n", branches,
              "    esac\n    return\n  fi\n  if [[ $PREFIX != -* ]]; then\n    local -a subjects=(\n", words,
              "    )\n    _describe ", zsh_quoted("camo " + page.name), " subjects\n    return\n  fi\n");
}

}  // namespace

std::string zsh_completion(const std::vector<HelpPage>& pages) {
  std::string out = "#compdef camo\n# Completion of camo in zsh: camo manual --format zsh > FOLDER_OF_FPATH/_camo\n";
  for (const HelpPage& page : pages) {
    out += zsh_function(page.name) + "() {\n" + (page.subjects.empty() ? "" : zsh_subjects(page)) + "  _arguments";
    for (const HelpPage::Flag& flag : page.flags) out += " \\\n    " + zsh_flag(flag);
    if (!page.rest.empty()) out += " \\\n    " + zsh_quoted("*:" + page.rest + ":_files");
    out += "\n}\n";
  }
  return out + zsh_function("") + " \"$@\"\n";
}

}  // namespace camo::program
