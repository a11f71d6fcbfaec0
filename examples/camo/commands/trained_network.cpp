#include "examples/camo/commands/trained_network.h"

namespace camo::program {

Loaded open_network(const std::string& weights, const Machine& machine) {
  Loaded out = load_model(weights, machine.device);
  out.config.threads = machine.threads;
  apply_machine(out.config);
  return out;
}

}  // namespace camo::program
