// Pooling and resizing of (B, H, W, C) feature maps, without antialiasing (for photographs: tensor/image/image.h).
//
// Average pooling, resizing and their adjoints are separable linear maps.  An AxisMap lists, for each output
// along an axis, the inputs that it sums and their weights; a map of images has one for rows and one for columns.
// The adjoint uses the two transposed, so both directions gather: nothing is scattered, and every output is one
// sum in a fixed order.
// Max pooling saves the index of each maximum.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace camo {

// ---- pooling ----------------------------------------------------------------------------------------------
//
// Windows start at o * stride - padding; H' = (H + 2 padding - kernel) / stride + 1, and padding is half a kernel at
// most, so that no window lies outside.

struct PoolSpec {
  int64_t kernel = 2, stride = 2, padding = 0;
};

Tensor avg_pool(const Tensor& x, const PoolSpec& spec);  // divides by kernel^2, including padding
Tensor avg_pool_backward(const Tensor& dy, const Shape& x_shape, const PoolSpec& spec);
struct MaxPoolOut {
  Tensor y, index;
};  // index: i64, position h * W + w of the first maximum; NaN is the largest
MaxPoolOut max_pool(const Tensor& x, const PoolSpec& spec);
Tensor max_pool_backward(const Tensor& dy, const Tensor& index, const Shape& x_shape, const PoolSpec& spec);
/// Output i averages the inputs floor(i H / height) .. ceil((i + 1) H / height).
Tensor adaptive_avg_pool(const Tensor& x, int64_t height, int64_t width);
Tensor adaptive_avg_pool_backward(const Tensor& dy, const Shape& x_shape);

// ---- resizing ---------------------------------------------------------------------------------------------

/// x (B, H, W, C) -> (B, height, width, C).  By default pixels are squares: output o is sampled at (o + 1/2)
/// H / height - 1/2.
/// With align_corners pixels are points and the corners coincide: output o is sampled at o (H - 1) / (height - 1).
/// Beyond the border the outermost pixel continues.
Tensor resize_bilinear(const Tensor& x, int64_t height, int64_t width, bool align_corners = false);
Tensor resize_bilinear_backward(const Tensor& dy, const Shape& x_shape, bool align_corners);
/// Output o is input floor(o H / height).
Tensor resize_nearest(const Tensor& x, int64_t height, int64_t width);
Tensor resize_nearest_backward(const Tensor& dy, const Shape& x_shape);

namespace kernel {

/// The inputs that each output along an axis sums, with their weights.
struct AxisMap {
  struct Tap {
    int64_t index;
    double weight;
  };
  std::vector<int64_t> begin{0};  // output o has the taps [begin[o], begin[o + 1])
  std::vector<Tap> taps;
  int64_t outputs() const { return int64_t(begin.size()) - 1; }
  void close() { begin.push_back(int64_t(taps.size())); }  // ends the list of one output
};

/// y[b, h, w, c] = sum over row taps i and column taps j of weight_i weight_j x[b, i, j, c].
void separable(Cpu, const Tensor& x, const AxisMap& rows, const AxisMap& columns, Tensor y);
void separable(Cuda, const Tensor& x, const AxisMap& rows, const AxisMap& columns, Tensor y);
void max_pool(Cpu, const Tensor& x, const PoolSpec& spec, MaxPoolOut& out);
void max_pool(Cuda, const Tensor& x, const PoolSpec& spec, MaxPoolOut& out);
void max_pool_backward(Cpu, const Tensor& dy, const Tensor& index, const PoolSpec& spec, Tensor dx);
void max_pool_backward(Cuda, const Tensor& dy, const Tensor& index, const PoolSpec& spec, Tensor dx);
}  // namespace kernel

}  // namespace camo
