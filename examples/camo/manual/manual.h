// The manual page, and the completion of commands, flags and their values in shells.  All are written from the tables
// of options, so that they name what there is.
//
// A flag of kind WORD completes to its words, one of kind TEXT and free arguments to files, a number to nothing.
#pragma once

#include "examples/camo/options/help.h"

namespace camo::program {

/// The help pages of the commands, each followed by those of its subjects ("bench", "bench all", ...).  The first page is
/// the program's own: it has no name, and its subjects are the commands.
std::vector<HelpPage> manual_pages(const std::vector<Entry>& commands);

/// A page for man(1), in roff with the macros of man(7).
std::string manual_roff(const std::vector<HelpPage>& pages);
/// Scripts that a shell reads; each says in its first lines how.
std::string bash_completion(const std::vector<HelpPage>& pages);
std::string zsh_completion(const std::vector<HelpPage>& pages);
std::string fish_completion(const std::vector<HelpPage>& pages);

/// `word` with every `from` replaced by `to`.
std::string replaced(std::string word, const std::string& from, const std::string& to);

}  // namespace camo::program
