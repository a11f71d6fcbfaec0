// The program `camo`.  Read next: commands/commands.h, then run/trainer.h.
#include "examples/camo/commands/commands.h"

int main(int argc, char** argv) {
  camo::program::prepare_process();
  return camo::program::run(camo::program::commands(), argc, argv);
}
