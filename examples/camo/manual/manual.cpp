#include "examples/camo/manual/manual.h"

#include <stdexcept>

namespace camo::program {
namespace {

HelpPage page_of(const Entry& entry) {
  try {
    entry.run({"--help"});
  } catch (const HelpRequest& help) {
    return help.page;
  }
  throw std::logic_error("the command " + entry.name + " has no help");
}

void append_pages(const std::vector<Entry>& entries, std::vector<HelpPage>& out) {
  for (const Entry& entry : entries) {
    const HelpPage page = page_of(entry);
    out.push_back(page);
    append_pages(page.subjects, out);
  }
}

}  // namespace

std::vector<HelpPage> manual_pages(const std::vector<Entry>& commands) {
  HelpPage camo;
  camo.summary = "finds camouflaged objects in photographs";
  camo.usage = "camo COMMAND [flags]";
  camo.flags = {{"version", "", "print the version", "", {}}};
  camo.subjects = commands;
  std::vector<HelpPage> out{camo};
  append_pages(commands, out);
  for (HelpPage& page : out) page.flags.push_back({"help", "", "show the flags", "", {}});
  return out;
}

std::string replaced(std::string word, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = word.find(from, at)) != word.npos; at += to.size()) word.replace(at, from.size(), to);
  return word;
}

}  // namespace camo::program
