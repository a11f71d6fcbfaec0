// The weights that a run starts from, with a table of what came from where.
#pragma once

#include "examples/camo/trained/checkpoint.h"

namespace camo::program {

/// Whether --weights gives a whole network, by --part and by what the file holds.
bool starts_from_network(const TrainConfig& config);

/// Takes over from the network in config.weights what its weights need: model, backbone, experts, routing, size.
void adopt_network(TrainConfig& config);

/// Loads config.weights into a new network.  Returns what came from the file: a table by parts for a network, one line
/// for a backbone, "" without weights.
/// Without --partial, every tensor that the network has must be in the file, in its shape; of a backbone file, every
/// tensor of the backbone.  WeightsError lists what does not fit.
std::string load_start_weights(moe::CamoXpert& model, const TrainConfig& config);

}  // namespace camo::program
