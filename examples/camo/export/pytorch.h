// A trained network as a folder of Python: model.py, model.safetensors and a README.md.
//
// model.py is written for that one network from the pieces in export/pytorch/: python.h says how.  It needs PyTorch alone.
// Its parameters have Camo's names, so it loads strictly, predicts, and can go on training.
#pragma once

#include <string>

#include "examples/camo/trained/checkpoint.h"

namespace camo::program {

/// The text of model.py.  ConfigError for a network that holds something without a piece of Python.
std::string pytorch_model(const TrainedNetwork& network);
/// Writes the folder, which may exist.
void export_pytorch(const std::string& folder, const TrainedNetwork& network);

}  // namespace camo::program
