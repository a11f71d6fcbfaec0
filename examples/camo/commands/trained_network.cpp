#include "examples/camo/commands/trained_network.h"

namespace camo::program {

TrainedNetwork open_network(const std::string& weights, const Machine& machine) {
  TrainedNetwork out = load_model(weights, machine.device);
  out.config.threads = machine.threads;
  apply_machine(out.config);
  return out;
}

}  // namespace camo::program
