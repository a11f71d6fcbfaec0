// The mean of the weights of several runs: Wortsman et al. 2022, "Model soups", arXiv:2203.05482.
//
// The mean of weights has other activations than any of the runs, so the statistics of batch norm are measured again on
// data (as Izmailov et al. 2018, arXiv:1803.05407, do for averages over one run).
#pragma once

#include <functional>

#include "examples/camo/options/config.h"
#include "nn/state_dict.h"

namespace camo::program {

/// The weights of a run.
struct RunWeights {
  std::string path;  // for errors
  TrainConfig config;
  nn::NamedTensors tensors;
};
/// The mean of each tensor, in f64.  Integers are those of the first run.  ConfigError, with the name of the file,
/// unless all runs have one configuration of the model; WeightsError unless their tensors match.
nn::NamedTensors mean_weights(const std::vector<RunWeights>& runs);

/// Measures the statistics of every batch norm again: the mean, each batch with the same weight, over calls of
/// forward(i), which passes batch i of `batches` through the network.  Nothing else changes: no parameter, no router.
/// The network is in evaluation mode afterwards, with all its parameters frozen and dropout off for good.
void measure_batch_norm(nn::Module& network, int64_t batches, const std::function<void(int64_t)>& forward);

}  // namespace camo::program
