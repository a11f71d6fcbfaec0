// Completion in bash: one function, with a branch for each flag that takes a value.
// Source: bash(1), Programmable Completion.
#include <map>

#include "examples/camo/manual/manual.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

/// A branch of `case`.
std::string bash_branch(const std::string& patterns, const std::string& body) {
  return patterns.empty() ? "" : text("    ", patterns, ") ", body, " ;;\n");
}

std::string bash_or(const std::string& patterns, const std::string& word) {
  return text(patterns, patterns.empty() ? "" : " | ", "'", word, "'");
}

/// The flags of a page, and its subjects before them.
std::string bash_words(const HelpPage& page) {
  std::string out;
  for (const Entry& entry : page.subjects) out += entry.name + " ";
  for (const HelpPage::Flag& flag : page.flags) out += "--" + flag.name + " ";
  return out;
}

constexpr const char* kBashBegin = R"(# Completion of camo in bash:  source <(camo manual --format bash)
_camo() {
  local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} command='' words='' rest=''
  if [[ $word == '=' ]]; then  # bash makes three words of --flag=value
    word=''
  elif [[ $flag == '=' ]]; then
    flag=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  ((COMP_CWORD == 1)) || command=${COMP_WORDS[1]}
)";

constexpr const char* kBashEnd = R"(  esac
  if [[ $rest && $word != -* ]]; then return; fi
  compopt +o default 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _camo camo  # where there is no reply: files
)";

}  // namespace

std::string bash_completion(const std::vector<HelpPage>& pages) {
  std::string nested, files, numbers, choices, commands;
  std::map<std::string, std::string> flags_of;  // the flags that take certain words
  for (const HelpPage& page : pages) {
    if (page.name.find(' ') != page.name.npos) nested = bash_or(nested, page.name);
    for (const HelpPage::Flag& flag : page.flags) {
      const std::string at = page.name + " --" + flag.name;
      if (!flag.words.empty()) {
        std::string all;
        for (const std::string& word : flag.words) all += word + " ";
        flags_of[all] = bash_or(flags_of[all], at);
      } else if (flag.kind == "TEXT") {
        files = bash_or(files, at);
      } else if (!flag.kind.empty()) {
        numbers = bash_or(numbers, at);
      }
    }
    commands += bash_branch("'" + page.name + "'",
                            text("words='", bash_words(page), "'", page.rest.empty() ? "" : " rest=files"));
  }
  for (const auto& [all, flags] : flags_of) choices += bash_branch(flags, "words='" + all + "' rest=''");
  return text(kBashBegin, "  case \"$command ${COMP_WORDS[2]-}\" in\n",
              bash_branch(nested, "((COMP_CWORD < 3)) || command+=\" ${COMP_WORDS[2]}\""),
              "  esac\n  case $command in\n", commands, "  esac\n  case \"$command $flag\" in\n",
              bash_branch(files, "return"), bash_branch(numbers, "words='' rest=''"), choices, kBashEnd);
}

}  // namespace camo::program
