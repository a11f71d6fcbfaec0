#include "examples/camo/commands/trained_network.h"

#include <cstdio>

#include "tensor/ops/matmul.h"
#include "tensor/processes.h"

namespace camo::program {

TrainedNetwork open_network(const std::string& weights, const Machine& machine) {
  TrainedNetwork out = load_model(weights, machine.device);
  out.config.threads = machine.threads;
  use_bf16_units(true);
  if (out.config.bf16_units == Bf16Units::on && !bf16_units()) {
    if (first_process())
      std::fprintf(stderr, "warning: the network was trained with bf16 units, which this processor lacks\n");
    out.config.bf16_units = Bf16Units::off;
  }
  apply_machine(out.config);
  return out;
}

}  // namespace camo::program
