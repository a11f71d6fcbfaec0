// The command line: CLI11 cuts it into words; values, ranges, hints and help come from the table of options.
// Read next: commands/commands.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "examples/camo/options/options.h"

namespace camo::program {

/// What a command takes.  `rest` names its free arguments ("IMAGES"); empty: it takes none.
struct Command {
  std::string name, summary, usage;
  Options options;
  std::string rest = {};
  std::string notes = {};  // below the options: a line is a paragraph, or a row of a table if it begins with a space
};

/// The words that follow a command's name.
using Arguments = std::vector<std::string>;

/// Flags with their values, and free arguments, each in their order.  The variables still hold their defaults, so that
/// a configuration file can be read before the flags are.
struct CommandLine {
  std::vector<std::pair<std::string, std::string>> flags;
  std::vector<std::string> rest;

  bool has(const std::string& flag) const;
  /// Gives the variables the values of the flags; ConfigError names the flag.
  void apply(const Command& command) const;
};

/// Ends a command that was asked for its help, which has been printed.
struct HelpRequest {};

/// Reads the words after the command's name.  ConfigError for an unknown flag, a missing value, a repeated flag.
CommandLine parse(const Command& command, const Arguments& words);
/// parse and apply in one.
CommandLine read(const Command& command, const Arguments& words);
void print_help(const Command& command);

/// A word of `camo WORD ...` and what it runs.
struct Entry {
  std::string name, summary;
  std::function<int(const Arguments& words)> run;
};
/// The entry of that name; ConfigError begins with `label` and names the nearest.
const Entry& find_entry(const std::vector<Entry>& entries, const std::string& name, const std::string& label);
/// A line for each entry, as help shows them.
std::string list_text(const std::vector<Entry>& entries);

/// Runs the program: dispatches, turns every error into one message and its exit code.
int run(const std::vector<Entry>& commands, int argc, char** argv);

}  // namespace camo::program
