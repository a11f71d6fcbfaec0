#include "examples/camo/options/help.h"

#include <sstream>

#include "tensor/error.h"

namespace camo::program {
namespace {

/// `text`, filled with spaces to at least `width`.
std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

}  // namespace

std::string HelpPage::Flag::sentence(size_t most) const {
  std::string out = help;
  if (words.size() > most) {
    out += text(": ", words.front(), " | ... | ", words.back());
  } else if (!words.empty()) {
    out += ": ";
    for (const std::string& w : words) out += (w == words[0] ? "" : " | ") + w;
  }
  if (!now.empty()) out += " (default " + now + ")";
  return out;
}

HelpPage help_page(const Command& command) {
  const char* kinds[] = {"", "N", "X", "TEXT", "N|HxW", "WORD", "TEXT"};
  HelpPage out{command.name, command.summary, command.usage, command.rest, command.notes, {}, command.subjects};
  for (const Option& o : command.options) {
    const bool is_switch = o.value.index() == 0;
    const char* kind = o.words.empty() ? kinds[o.value.index()] : "WORD";
    const bool repeats = std::holds_alternative<std::vector<std::string>*>(o.value);
    out.flags.push_back({o.name, kind, o.help, is_switch ? "" : shown(o), o.words, repeats});
  }
  return out;
}

std::string wrapped(const std::string& line, size_t width, size_t margin) {
  std::string out;
  size_t used = 0;
  std::istringstream in(line);
  for (std::string word; in >> word; used += word.size() + 1) {
    if (used && used + word.size() > width) out += "\n" + std::string(margin, ' '), used = 0;
    else if (used) out += ' ';
    out += word;
  }
  return out;
}

std::string list_text(const std::vector<Entry>& entries) {
  std::string out;
  for (const Entry& e : entries) out += text("  ", padded(e.name, 11), e.summary, "\n");
  return out;
}

std::string help_text(const HelpPage& page) {
  std::string out = wrapped(page.summary, 100, 0) + "\n\nusage: " + wrapped(page.usage, 100, 7) + "\n";
  if (!page.flags.empty()) out += "\n";
  for (const HelpPage::Flag& flag : page.flags) {
    const std::string left = "  --" + flag.name + (flag.kind.empty() ? "" : " ") + flag.kind;
    out += padded(left, 24) + " " + wrapped(flag.sentence(8), 84, 25) + "\n";
  }
  if (!page.notes.empty() || !page.subjects.empty()) out += "\n";
  std::istringstream notes(page.notes);
  for (std::string line; std::getline(notes, line);) out += (line[0] == ' ' ? line : wrapped(line, 100, 0)) + "\n";
  return out + list_text(page.subjects);
}

}  // namespace camo::program
