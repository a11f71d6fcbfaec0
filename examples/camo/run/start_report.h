// What a run says before its first step.
#pragma once

#include "examples/camo/data/splits.h"
#include "examples/camo/run/cost.h"
#include "examples/camo/run/learner.h"
#include "examples/camo/run/stages.h"

namespace camo::program {

/// The lines: network, weights, machine, stages or steps, and warnings.  cost: if it was measured.
std::vector<std::string> start_report(const TrainConfig& config, const Stages& stages, Learner& learner,
                                      const Splits& data, const std::optional<RunCost>& cost);

/// What a run keeps in environment.json: version, processor, threads, processes, network, steps, and the names of the experts
/// at each scale (a list "experts" of objects with "scale" and "names").
JsonObject environment(const TrainConfig& config, const Stages& stages, Learner& learner, const Splits& data);

}  // namespace camo::program
