// Linear maps of images that treat rows and columns alike: average pooling, resizing, and their adjoints.
//
// An AxisMap says which inputs each output of one axis adds up, with what weights.  A map of images is one for the
// rows and one for the columns; its adjoint is the two transposed.  Both directions therefore gather: nothing is
// scattered, and every output is one sum in a fixed order.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace camo {

struct AxisMap {
  struct Tap {
    int64_t index;
    double weight;
  };
  std::vector<int64_t> begin{0};  // taps [begin[o], begin[o + 1]) make output o
  std::vector<Tap> taps;
  int64_t outputs() const { return int64_t(begin.size()) - 1; }
  void close() { begin.push_back(int64_t(taps.size())); }  // ends one output's list
};

/// The adjoint, for an axis of `inputs` numbers; lists are in ascending order of the outputs they came from.
AxisMap transposed(const AxisMap& map, int64_t inputs);

namespace kernel {
/// y[b, h, w, c] = sum over row taps i and column taps j of weight_i weight_j x[b, i, j, c].
void separable(Cpu, const Tensor& x, const AxisMap& rows, const AxisMap& columns, Tensor y);
void separable(Cuda, const Tensor& x, const AxisMap& rows, const AxisMap& columns, Tensor y);
}  // namespace kernel

}  // namespace camo
