// Convolution with a 3 x 3 kernel and stride 1 by Winograd's F(4 x 4, 3 x 3): 36 multiplications give the 16 outputs
// that take 144 by the definition (Winograd 1980; for networks Lavin, Gray 2016, arXiv:1509.09308).
//
// A polynomial product of degree 5 is known from its values at six points; these are 0, +-3/4, +-3/2 and infinity.  Along one
// axis, six inputs d, three weights g and four outputs y obey
//
//   y = A^T ((G g) * (B^T d))       * is element by element
//
// and in the plane Y = A^T ((G g G^T) * (B^T d B)) A.  With channels, each of the 36 places is a matrix product of
// (tiles, C) by (C, O), so the work is 36 products with M = tiles.
//
//   forward           as above, one tile of 4 x 4 outputs per 6 x 6 inputs
//   input gradient    the same, of dy with the kernel turned by half a turn and C and O exchanged
//   weight gradient   the adjoint in g: dg = G^T (sum over tiles of (B^T d B) * (A dY A^T)) G
//
// The price is rounding: the transforms cancel.  The largest error is 2e-6 to 5e-6 of the largest output, about twice that
// of the direct kernel; the weight gradient's, 1e-6, because its sums over tiles are kept in chunks.  NaN or infinity in
// a pixel reaches every output of its tiles.  An output is one chain over C whatever the batch, the threads or its
// neighbours, so bits depend on the image alone.
#pragma once

#include "tensor/cpu/kernels/conv.h"

namespace camo::kernel {

/// Whether these kernels take the place of conv.h's: use_winograd, sizes, and T with arithmetic in f32.
template <class T> bool winograd_serves(const Conv& s);

/// T is float or bf16.  Tests: conv_plain is the definition.
template <class T> void winograd(const T* x, const float* weight, const float* bias, T* y, const Conv& s);
template <class T> void winograd_input_grad(const T* dy, const float* weight, T* dx, const Conv& s);
template <class T> void winograd_weight_grad(const T* dy, const T* x, float* dweight, const Conv& s);

}  // namespace camo::kernel
