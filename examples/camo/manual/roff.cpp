// The manual page.  Source of the macros: man(7), groff_man(7).
#include <sstream>

#include "examples/camo/manual/manual.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

/// Words as roff shows them unchanged: a hyphen stays one that can be copied, and no line begins with a control
/// character.  A line may end behind a comma.
std::string roff(const std::string& words) {
  const std::string out = replaced(replaced(replaced(words, "\\", "\\e"), "-", "\\-"), ",", ",\\:");
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string roff_entry(const std::string& name, const std::string& value, const std::string& meaning) {
  return text(".TP\n\\fB", roff(name), "\\fR", value.empty() ? "" : " \\fI" + roff(value) + "\\fR", "\n", roff(meaning),
              "\n");
}

/// Notes below the flags: a line is a paragraph, or a row of a table if it begins with a space.
std::string roff_notes(const std::string& notes) {
  std::string out;
  std::istringstream in(notes);
  bool table = false;
  for (std::string line; std::getline(in, line);) {
    const bool row = line.starts_with(' ');
    if (row != table) out += row ? ".PP\n.nf\n" : ".fi\n";
    table = row;
    out += (row ? "" : ".PP\n") + roff(line) + "\n";
  }
  return out + (table ? ".fi\n" : "");
}

std::string roff_section(const HelpPage& page) {
  std::string out =
      text(".SS ", roff("camo " + page.name), "\n", roff(page.summary), "\n.PP\nUsage: ", roff(page.usage), "\n");
  for (const HelpPage::Flag& flag : page.flags)
    out += roff_entry("--" + flag.name, flag.kind, flag.sentence(flag.words.size()));
  return out + roff_notes(page.notes);
}

}  // namespace

std::string manual_roff(const std::vector<HelpPage>& pages) {
  const HelpPage& camo = pages[0];
  std::string out =
      text(".TH CAMO 1 \"\" \"camo ", CAMO_VERSION, "\" \"User commands\"\n.nh\n.ad l\n.SH NAME\ncamo \\- ",
           roff(camo.summary), "\n.SH SYNOPSIS\n\\fBcamo\\fR \\fICOMMAND\\fR [\\fIflags\\fR]\n");
  out += text(
      ".SH DESCRIPTION\ncamo trains networks that find camouflaged objects in photographs, measures them and "
      "uses them.  The first word is a command; ",
      roff("camo COMMAND --help"), " shows its flags.\n");
  for (const Entry& entry : camo.subjects) out += roff_entry(entry.name, "", entry.summary);
  for (const HelpPage::Flag& flag : camo.flags) out += roff_entry("--" + flag.name, "", flag.help);
  out += ".SH COMMANDS\n";
  for (size_t i = 1; i < pages.size(); ++i) out += roff_section(pages[i]);
  return out + ".SH EXIT STATUS\n" + roff(kExitCodes) + "\n";
}

}  // namespace camo::program
