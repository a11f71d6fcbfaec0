// Rung 3: a library.  One line, and for most programs the right end of the ladder.
//
// The rungs after it show what such a library does inside.  Camo goes on because a row of its products must have the same bits
// however many rows there are, and Eigen's has not (tests/results.md, "Small products").
#include <Eigen/Core>

#include "examples/ladders/product/product.h"

namespace camo::ladder {

void product_3_eigen(const Product& p) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<Matrix>(p.C, p.M, p.N).noalias() =
      Eigen::Map<const Matrix>(p.A, p.M, p.K) * Eigen::Map<const Matrix>(p.B, p.K, p.N);
}

}  // namespace camo::ladder
