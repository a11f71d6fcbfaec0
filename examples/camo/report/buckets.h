// A histogram of numbers, in the buckets that TensorBoard's own writer uses: their limits are 1e-12 times powers of
// 1.1, up to 1e20, and the same with a minus.
#pragma once

#include <limits>
#include <vector>

#include "tensor/tensor.h"

namespace camo::program {

/// The upper limits of all buckets, rising.  A number is in the first bucket whose limit is larger.
const std::vector<double>& bucket_limits();

/// Counts numbers.  NaN and infinity are counted apart and are in no bucket and no sum.
class Buckets {
 public:
  Buckets() : count(bucket_limits().size()) {}
  /// Any dtype and device; numbers are rounded to f32.
  void add(const Tensor& x);

  std::vector<int64_t> count;  // of each bucket
  int64_t finite = 0, not_finite = 0;
  double least = std::numeric_limits<double>::infinity(), most = -std::numeric_limits<double>::infinity();
  double sum = 0, squares = 0;
};

}  // namespace camo::program
