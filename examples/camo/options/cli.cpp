#include "examples/camo/options/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "examples/camo/options/help.h"
#include "examples/camo/options/other_flags.h"
#include "tensor/error.h"
#include "tensor/processes.h"

namespace camo::program {
namespace {

bool is_switch(const Option& o) { return std::holds_alternative<bool*>(o.value); }
bool is_list(const Option& o) { return std::holds_alternative<std::vector<std::string>*>(o.value); }

/// The shell expands ~ only at the beginning of a word, not in --out=~/runs.
std::string at_home(const std::string& word) {
  const char* home = std::getenv("HOME");
  return word.starts_with("~/") && home ? home + word.substr(1) : word;
}

/// "no such flag --epoch [did you mean --epochs?]", on a line of its own after the first.
std::string wrong_flag(const Command& command, const std::string& word) {
  std::string name = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  name = name.substr(0, name.find('='));
  std::vector<std::string> known = command.options.names();
  known.push_back("help");
  if (const std::string other = other_flag(name, known); !other.empty())
    return text("no such flag --", name, " [", other, "]\n");
  const std::string near = nearest(name, known);
  return text("no such flag --", name,
              near.empty() ? " [camo " + command.name + " --help]" : " [did you mean --" + near + "?]", "\n");
}

/// Text with control characters written as \\x1b, so that a terminal shows them and does nothing else.
std::string printable(const std::string& words) {
  std::string out;
  for (unsigned char c : words)
    if ((c >= 32 && c != 127) || c == '\n' || c == '\t') {
      out += char(c);
    } else {
      char code[8];
      std::snprintf(code, sizeof code, "\\x%02x", c);
      out += code;
    }
  return out;
}

}  // namespace

bool CommandLine::has(const std::string& flag) const {
  return std::any_of(flags.begin(), flags.end(), [&](const auto& f) { return f.first == flag; });
}

void CommandLine::apply(const Command& command) const {
  for (const auto& [name, word] : flags)
    for (const Option& o : command.options)
      if (o.name == name) set(o, word, "camo " + command.name + " --" + name);
}

CommandLine parse(const Command& command, const Arguments& words) {
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  bool help = false;
  app.add_flag("-h,--help", help);
  std::vector<std::vector<std::string>> values(command.options.size());
  CommandLine line;
  for (size_t i = 0; i < command.options.size(); ++i) {
    const Option& o = command.options[i];
    if (is_switch(o)) app.add_flag("--" + o.name)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    else app.add_option("--" + o.name, values[i])->allow_extra_args(false);
  }
  const auto end_of_flags = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> reversed(words.begin(), end_of_flags);
  std::reverse(reversed.begin(), reversed.end());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    throw ConfigError(text("camo ", command.name, " ", e.what()));
  }
  if (help) throw HelpRequest{help_page(command)};
  // Free arguments are what CLI11 leaves: its own lists would read brackets.
  std::string wrong;
  for (const std::string& word : app.remaining()) {
    if (word.size() > 1 && word[0] == '-') wrong += wrong_flag(command, word);
    else line.rest.push_back(word);
  }
  check<ConfigError>(wrong.empty(), "camo ", command.name, ": ", wrong);
  if (end_of_flags != words.end()) line.rest.insert(line.rest.end(), end_of_flags + 1, words.end());
  check<ConfigError>(line.rest.empty() || !command.rest.empty(), "camo ", command.name,
                     ": takes no free argument, got '", line.rest.empty() ? "" : line.rest[0], "'");
  for (std::string& word : line.rest) word = at_home(word);
  for (size_t i = 0; i < command.options.size(); ++i) {
    const Option& o = command.options[i];
    if (is_switch(o) && !app.get_option("--" + o.name)->empty()) line.flags.emplace_back(o.name, "true");
    check<ConfigError>(values[i].size() < 2 || is_list(o), "camo ", command.name, " --", o.name, ": is given ",
                       values[i].size(), " times");
    for (const std::string& value : values[i]) line.flags.emplace_back(o.name, at_home(value));
  }
  return line;
}

CommandLine read(const Command& command, const Arguments& words) {
  CommandLine line = parse(command, words);
  line.apply(command);
  return line;
}

const Entry& find_entry(const std::vector<Entry>& entries, const std::string& name, const std::string& label) {
  std::vector<std::string> known;
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry;
    known.push_back(entry.name);
  }
  throw ConfigError(text(label, name, "'", hint(name, known)));
}

const char* const kExitCodes =
    "0 done, 1 a bug, 2 usage or configuration, 3 data, 4 weights, 5 numerics, 6 memory, disk or device, 7 a failed "
    "check, 130 and 143 stopped by a signal after saving";

namespace {

void print_overview(const std::vector<Entry>& commands) {
  std::printf("Camo %s finds camouflaged objects in photographs.\n\nusage: camo COMMAND [flags]\n\n%s", CAMO_VERSION,
              list_text(commands).c_str());
  std::printf(
      "\n  camo COMMAND --help    shows the flags of a command, with defaults and units\n  camo --version\n\n%s\n",
      wrapped(text("exit codes: ", kExitCodes), 74, 12).c_str());
}

int dispatch(const std::vector<Entry>& commands, const Arguments& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help")
    return print_overview(commands), words.empty() ? 2 : 0;
  if (words[0] == "--version") return std::printf("camo %s\n", CAMO_VERSION), 0;
  const char* kind = words[0][0] == '-' ? "camo: no such flag '" : "camo: no such command '";
  return find_entry(commands, words[0], kind).run({words.begin() + 1, words.end()});
}

}  // namespace

int run(const std::vector<Entry>& commands, int argc, char** argv) {
  std::string message;
  int code = 0;
  try {
    code = dispatch(commands, Arguments(argv + 1, argv + argc));
    end_processes();
  } catch (const HelpRequest& help) {
    std::printf("%s", help_text(help.page).c_str());
  } catch (const Error& e) {
    message = e.what(), code = e.exit_code();
  } catch (const std::bad_alloc&) {
    message = "memory: the system has no more", code = 6;
  } catch (const std::filesystem::filesystem_error& e) {
    message = text(e.path1().string(), ": ", e.code().message()), code = 3;
  } catch (const std::system_error& e) {
    const bool threads = e.code() == std::errc::resource_unavailable_try_again;
    message = threads ? "the system starts no more threads [ulimit -u; --threads 1 --workers 0]"
                      : text("a bug in camo: ", e.what());
    code = threads ? 6 : 1;
  } catch (const std::exception& e) {
    message = text("a bug in camo: ", e.what()), code = 1;
  }
  errno = 0;
  if ((std::fflush(stdout) != 0 || std::ferror(stdout)) && code == 0)
    message = text("standard output: ", errno ? std::strerror(errno) : "cannot be written"), code = 6;
  message = printable(message);
  while (!message.empty() && message.back() == '\n') message.pop_back();
  if (!message.empty())  // at once: several processes may write
    std::cerr << text(message.rfind("camo", 0) == 0 ? "" : "camo: ", message, "\n") << std::flush;
  if (code != 0 && !message.empty()) report_failure(message, code);
  return code;
}

}  // namespace camo::program
