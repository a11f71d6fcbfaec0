#include "examples/camo/options/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>

#include "tensor/error.h"

namespace camo::program {
namespace {

std::vector<std::string> names(const Options& options) {
  std::vector<std::string> out;
  for (const Option& o : options) out.push_back(o.name);
  out.push_back("help");
  return out;
}

bool is_switch(const Option& o) { return std::holds_alternative<bool*>(o.value); }

const char* kind(const Option& o) {
  const char* kinds[] = {"", " N", " X", " TEXT", " N|HxW"};
  return o.words.empty() ? kinds[o.value.index()] : " WORD";
}

/// Text cut at spaces into lines of at most `width`, each after the first behind `margin` spaces.
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

}  // namespace

bool Given::has(const std::string& flag) const {
  return std::any_of(flags.begin(), flags.end(), [&](const auto& f) { return f.first == flag; });
}

void Given::apply(const Command& command) const {
  for (const auto& [name, word] : flags)
    for (const Option& o : command.options)
      if (o.name == name) set(o, word, "camo " + command.name + " --" + name);
}

Given parse(const Command& command, const std::vector<std::string>& words) {
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  bool help = false;
  app.add_flag("-h,--help", help);
  std::vector<std::string> value(command.options.size());
  Given given;
  for (size_t i = 0; i < command.options.size(); ++i) {
    const Option& o = command.options[i];
    if (is_switch(o)) app.add_flag("--" + o.name)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    else app.add_option("--" + o.name, value[i])->allow_extra_args(false);
  }
  if (!command.rest.empty()) app.add_option("rest", given.rest);
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    throw ConfigError(text("camo ", command.name, " ", e.what()));
  }
  if (help) {
    print_help(command);
    throw HelpShown();
  }
  if (auto extra = app.remaining(); !extra.empty()) {
    bool flag = extra[0].size() > 1 && extra[0][0] == '-';
    check<ConfigError>(flag, "camo ", command.name, ": takes no free argument, got '", extra[0], "'");
    std::string name = extra[0].substr(extra[0].find_first_not_of('-'));
    name = name.substr(0, name.find('='));
    std::string near = nearest(name, names(command.options));
    throw ConfigError(text("camo ", command.name, ": no such flag --", name,
                           near.empty() ? " [camo " + command.name + " --help]" : " [did you mean --" + near + "?]"));
  }
  for (size_t i = 0; i < command.options.size(); ++i) {
    const Option& o = command.options[i];
    if (!app.get_option("--" + o.name)->empty()) given.flags.emplace_back(o.name, is_switch(o) ? "true" : value[i]);
  }
  return given;
}

Given read(const Command& command, const std::vector<std::string>& words) {
  Given given = parse(command, words);
  given.apply(command);
  return given;
}

void print_help(const Command& command) {
  std::printf("%s\n\nusage: %s\n", wrapped(command.summary, 100, 0).c_str(), wrapped(command.usage, 100, 7).c_str());
  if (!command.options.empty()) std::printf("\n");
  for (const Option& o : command.options) {
    std::string left = "  --" + o.name + kind(o), right = o.help, now = shown(o);
    if (o.words.size() > 8) {
      right += text(": ", o.words.front(), " | ... | ", o.words.back());
    } else if (!o.words.empty()) {
      right += ": ";
      for (const std::string& w : o.words) right += (w == o.words[0] ? "" : " | ") + w;
    }
    if (!is_switch(o) && !now.empty()) right += " (default " + now + ")";
    std::printf("%-24s %s\n", left.c_str(), wrapped(right, 84, 25).c_str());
  }
  if (!command.notes.empty()) std::printf("\n%s\n", command.notes.c_str());
}

namespace {

void print_overview(const std::vector<Entry>& commands) {
  std::printf("Camo %s: finds camouflaged objects in photographs, and learns to.\n\nusage: camo COMMAND [flags]\n\n",
              CAMO_VERSION);
  for (const Entry& c : commands) std::printf("  %-10s %s\n", c.name.c_str(), c.summary.c_str());
  std::printf(
      "\n  camo COMMAND --help    flags of a command, with defaults and units\n  camo --version\n\n"
      "exit codes: 0 done, 1 a bug, 2 usage or configuration, 3 data, 4 weights, 5 numerics,\n"
      "            6 memory, disk or device, 7 a failed check, 130 and 143 stopped by a signal after saving\n");
}

int dispatch(const std::vector<Entry>& commands, const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help")
    return print_overview(commands), words.empty() ? 2 : 0;
  if (words[0] == "--version") return std::printf("camo %s\n", CAMO_VERSION), 0;
  std::vector<std::string> known;
  for (const Entry& c : commands) {
    if (c.name == words[0]) return c.run({words.begin() + 1, words.end()});
    known.push_back(c.name);
  }
  throw ConfigError(text("camo: no such ", words[0][0] == '-' ? "flag " : "command '", words[0],
                         words[0][0] == '-' ? "" : "'", hint(words[0], known)));
}

}  // namespace

int run(const std::vector<Entry>& commands, int argc, char** argv) {
  std::string message;
  int code = 0;
  try {
    code = dispatch(commands, std::vector<std::string>(argv + 1, argv + argc));
  } catch (const HelpShown&) {
  } catch (const Error& e) {
    message = e.what(), code = e.exit_code();
  } catch (const std::bad_alloc&) {
    message = "memory: the system has no more", code = 6;
  } catch (const std::exception& e) {
    message = text("a bug in camo: ", e.what()), code = 1;
  }
  std::fflush(stdout);
  if (!message.empty()) std::cerr << (message.rfind("camo", 0) == 0 ? "" : "camo: ") << message << std::endl;
  return code;
}

}  // namespace camo::program
