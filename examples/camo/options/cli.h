// The command line.  CLI11 splits it into words; values, ranges, hints and help come from the table of options.
// Read next: commands/commands.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "examples/camo/options/options.h"

namespace camo::program {

/// The words that follow a command's name.
using Arguments = std::vector<std::string>;

/// A word of `camo WORD ...` and the function it runs.
struct Entry {
  std::string name, summary;
  std::function<int(const Arguments& words)> run;
};

/// A command and its options.  `rest` names its free arguments ("IMAGES"); empty if it takes none.
struct Command {
  std::string name, summary, usage;
  Options options;
  std::string rest = {};
  std::string notes = {};  // below the options: a line is a paragraph, or a row of a table if it begins with a space
  std::vector<Entry> subjects = {};  // words that may follow the name, each with options of its own
};

/// Flags with their values, and free arguments, each in order.  They are not applied yet, so that a configuration file
/// can be applied first.
struct CommandLine {
  std::vector<std::pair<std::string, std::string>> flags;
  std::vector<std::string> rest;

  bool has(const std::string& flag) const;
  /// Sets the variables to the values of the flags; ConfigError names the flag.
  void apply(const Command& command) const;
};

/// Reads the words after the command's name.  ConfigError for an unknown flag, a missing value, a repeated flag; HelpRequest (help.h)
/// for --help.
CommandLine parse(const Command& command, const Arguments& words);
/// parse and apply together.
CommandLine read(const Command& command, const Arguments& words);

/// The entry with that name; ConfigError begins with `label` and names the nearest entry.
const Entry& find_entry(const std::vector<Entry>& entries, const std::string& name, const std::string& label);
/// What the program's exit codes mean.
extern const char* const kExitCodes;

/// Runs the program: calls the command, and turns every error into one message and its exit code.
int run(const std::vector<Entry>& commands, int argc, char** argv);

}  // namespace camo::program
