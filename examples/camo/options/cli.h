// The command line: CLI11 cuts it into words, the rest (values, ranges, hints, help) is the options' own
// table, so that a mistake in a flag and in a configuration key gets the same answer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "examples/camo/options/options.h"

namespace camo::program {

/// What a command takes.  `rest` names its free arguments ("IMAGES..."), empty when it takes none.
struct Command {
  std::string name, summary, usage;
  Options options;
  std::string rest = {};
  std::string notes = {};  // printed below the options
};

/// What was given, in order.  Nothing is applied yet, so that a configuration file can come before it.
struct Given {
  std::vector<std::pair<std::string, std::string>> flags;
  std::vector<std::string> rest;

  bool has(const std::string& flag) const;
  /// Writes the given values through the options; ConfigError names the flag.
  void apply(const Command& command) const;
};

/// Thrown after the help screen was printed.
struct HelpShown {};

/// Cuts the words after the command's name.  Unknown flags, missing values and repeated flags raise
/// ConfigError.
Given parse(const Command& command, const std::vector<std::string>& words);
/// parse and apply in one.
Given read(const Command& command, const std::vector<std::string>& words);
void print_help(const Command& command);

/// A word of `camo WORD ...` and what it runs.
struct Entry {
  std::string name, summary;
  std::function<int(const std::vector<std::string>& words)> run;
};
/// Runs the program: dispatches, turns every error into one message and its exit code.
int run(const std::vector<Entry>& commands, int argc, char** argv);

}  // namespace camo::program
