// state_dict: all tensors of a model by name, in PyTorch's names and layout.
//
// Names are paths ("stages.0.blocks.1.attn.q.weight"), equal to timm's where timm has the model.  Convolution
// weights are (O, kh, kw, I) in memory and (O, I, kh, kw) here.  Code outside nn/ sees only the latter.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/io/io.h"

namespace camo::nn {

using camo::NamedTensors;  // a list of names and tensors, in order: the content of a weight file

/// Parameters, then saved buffers.  Tensors whose layout is the same in files alias the model; clone()
/// them to keep a copy.
NamedTensors state_dict(const Module& module);
/// The names and shapes of state_dict(), without the numbers.
std::vector<std::pair<std::string, Shape>> file_shapes(const Module& module);

/// What happened to the tensors of a file.
struct LoadReport {
  std::vector<std::string> missing, unexpected, misshapen;  // misshapen: name, shape and type in file and model
  std::vector<std::string> kept;                            // absent and not needed: BufferOptions::needed
  int64_t tensors = 0, tensors_wanted = 0;                  // number loaded, and number in the model
  int64_t numbers = 0, numbers_wanted = 0;

  bool complete() const { return missing.empty() && unexpected.empty() && misshapen.empty(); }
  /// "318 of 322 tensors, 99.2 % of the numbers; 4 missing: a, b, c, d"; lists at most 10 names of each kind.
  std::string text() const;
};

/// Thrown by a strict load; the message ends with the report.
struct LoadError : WeightsError {
  LoadReport report;
  explicit LoadError(LoadReport report);
};

/// Writes the tensors into the model.  Strict: loads everything, or throws LoadError and changes nothing.  Not strict:
/// loads what fits.  Floating types are converted to the parameter's.  Tensors that are moved in and not shared give
/// their memory to the model without a copy.
LoadReport load_state_dict(Module& module, NamedTensors tensors, bool strict = true);

/// "2 missing: a, b"; after 10 names ", ... (40 more)"; "" for an empty list.
std::string listed(const std::vector<std::string>& names, const std::string& what);

/// Converts between memory layout and file layout.
Tensor to_file(const Tensor& x, FileLayout layout);
Tensor from_file(Tensor x, FileLayout layout);  // in place if x is not shared

}  // namespace camo::nn
