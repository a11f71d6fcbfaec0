// What --help shows of a command, as data: the help, the manual page and the completion of shells are made of it.
// Read next: manual/manual.h.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/options/cli.h"

namespace camo::program {

/// A command as its help shows it.  It outlives the variables that the command's options point to.
struct HelpPage {
  struct Flag {
    std::string name, kind;  // kind of the value: N, X, TEXT, N|HxW or WORD; empty for a switch
    std::string help, now;   // now: the default; empty for a switch, and if there is none
    std::vector<std::string> words;
    bool repeats = false;  // may be given several times

    /// "help: WORD | WORD (default WORD)", with at most `most` words; of more, the first and the last.
    std::string sentence(size_t most) const;
  };
  std::string name, summary, usage, rest, notes;
  std::vector<Flag> flags;
  std::vector<Entry> subjects;
};
HelpPage help_page(const Command& command);

/// Thrown for --help; ends the command, and run() prints the page.
struct HelpRequest {
  HelpPage page;
};

/// The page as --help shows it.
std::string help_text(const HelpPage& page);
/// Wraps text at spaces to lines of at most `width`; lines after the first are indented by `margin` spaces.
std::string wrapped(const std::string& line, size_t width, size_t margin);
/// One line per entry.
std::string list_text(const std::vector<Entry>& entries);

}  // namespace camo::program
