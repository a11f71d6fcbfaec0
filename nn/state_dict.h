// state_dict: all numbers of a model by name, in PyTorch's names and layout.
//
// Names are paths ("stages.0.blocks.1.attn.q.weight"), equal to timm's where timm has the model.  Convolution
// weights are (O, kh, kw, I) in memory and (O, I, kh, kw) here: nothing outside nn/ ever sees the other order.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/io/io.h"

namespace camo::nn {

using camo::NamedTensors;  // an ordered list of names and tensors: what a weight file holds

/// Parameters, then saved buffers.  Tensors of unchanged layout alias the model; clone() to keep a moment.
NamedTensors state_dict(const Module& module);
/// The names and shapes of state_dict(), without its numbers.
std::vector<std::pair<std::string, Shape>> file_shapes(const Module& module);

/// What became of the tensors of a file.
struct LoadReport {
  std::vector<std::string> missing, unexpected, misshapen;  // misshapen: name, shape and type against the model's
  int64_t tensors = 0, tensors_wanted = 0;                  // loaded, and how many the model has
  int64_t numbers = 0, numbers_wanted = 0;

  bool complete() const { return missing.empty() && unexpected.empty() && misshapen.empty(); }
  /// "318 of 322 tensors, 99.2 % of the numbers; 4 missing: a, b, c, d"; at most 10 names of a kind.
  std::string text() const;
};

/// What a strict load throws: the message ends with the report.
struct LoadError : WeightsError {
  LoadReport report;
  explicit LoadError(LoadReport report);
};

/// Writes the tensors into the model.  Strict: everything or, on any error, nothing: LoadError.  Not strict: what
/// fits.  Floating types convert to the parameter's.  Tensors that are moved in, and are nobody else's, give their
/// memory to the model instead of being copied.
LoadReport load_state_dict(Module& module, NamedTensors tensors, bool strict = true);

/// "2 missing: a, b" with at most 10 names, then ", ... (40 more)"; "" for none.
std::string listed(const std::vector<std::string>& names, const std::string& what);

/// Between memory and file layout.
Tensor to_file(const Tensor& x, FileLayout layout);
Tensor from_file(Tensor x, FileLayout layout);  // in place where x is the caller's last

}  // namespace camo::nn
