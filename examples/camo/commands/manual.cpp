// camo manual: the manual page, and the completion of shells.
#include "examples/camo/manual/manual.h"

#include <cstdio>

#include "examples/camo/commands/commands.h"

namespace camo::program {
namespace {

enum class ManualFormat { man, bash, zsh, fish };
constexpr auto names_of(ManualFormat) { return std::array{"man", "bash", "zsh", "fish"}; }

}  // namespace

int manual_command(const Arguments& words) {
  ManualFormat format = ManualFormat::man;
  Command command{
      .name = "manual",
      .summary = "Prints the manual page, or what a shell reads to complete commands, flags and their values.",
      .usage = "camo manual [--format WORD]",
      .options = {choice("format", &format, "manual page, or completion of a shell")},
      .notes =
          "  camo manual > camo.1; man ./camo.1           read the manual page\n"
          "  source <(camo manual --format bash)          complete in this bash\n"
          "  camo manual --format zsh > FOLDER/_camo      complete in zsh; FOLDER is one of its fpath\n"
          "  camo manual --format fish | source           complete in this fish"};
  read(command, words);
  constexpr std::string (*writers[])(const std::vector<HelpPage>&) = {manual_roff, bash_completion, zsh_completion,
                                                                      fish_completion};
  std::printf("%s", writers[size_t(format)](manual_pages(commands())).c_str());
  return 0;
}

}  // namespace camo::program
