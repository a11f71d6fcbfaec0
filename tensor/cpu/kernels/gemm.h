// Matrix products on the CPU, used by matmul, linear and every convolution.
//
//   multiply             C = act(A B + bias)    many rows of A times a small B: activations times weights
//   multiply_transposed  C = A^T B              long sums over rows: weight gradients
//
// A need not be a matrix in memory.  Pieces describes each row as a few runs of numbers, so a convolution is the same
// product over the runs under its window and needs no im2col copy (the indirect convolution of Dukhan 2019,
// arXiv:1907.02129).  Register tiles follow Goto, van de Geijn 2008, with one change for the narrow matrices of vision
// networks: A is read in place and only B is packed.
// An element of C is one chain of fused multiply-adds over k in ascending order, whatever the number of rows (on matrix
// tiles the chain has another order: gemm_tiles.h).
// Read next: gemm_tile.h (the tile), gemm.cpp, gemm_transposed.cpp, tests/tensor/gemm_test.cpp.
#pragma once

#include <functional>
#include <vector>

#include "tensor/ops/matmul.h"

namespace camo::kernel {

/// A matrix of rows x (pieces * length): row m consists of `pieces` runs of `length` numbers, each anywhere in memory.
template <class T> struct Pieces {
  int64_t rows = 0, pieces = 1, length = 0;
  /// Writes where runs begin: table[p * ld + i] is piece p of row m + i, for i in [0, count).
  std::function<void(int64_t m, int64_t count, const T** table, int64_t ld)> find;
  const T* data = nullptr;  // if not null: row m is one run at data + m * ld
  int64_t ld = 0;
};

template <class T> Pieces<T> dense(const T* a, int64_t rows, int64_t cols, int64_t ld) {
  return {rows,
          1,
          cols,
          [a, ld](int64_t m, int64_t count, const T** table, int64_t) {
            for (int64_t i = 0; i < count; ++i) table[i] = a + (m + i) * ld;
          },
          a,
          ld};
}

/// The right operand (K, N): element (k, n) at data[k * ld + n], or at data[n * ld + k] when transposed.
template <class T> struct Right {
  const T* data;
  int64_t ld;
  Trans trans = Trans::no;
  std::vector<int64_t> offset = {};  // position of each piece's first element; empty: the pieces are contiguous
};

/// The positions of the rows of C.
template <class T> struct Rows {
  T* data;
  int64_t ld;
  std::function<void(int64_t m, int64_t count, T** rows)> find = nullptr;  // replaces data + m * ld if set
};

/// How a sum starts and ends.  It starts from the old c if accumulate, else from bias if given, else from zero;
/// then c = act(sum).
template <class T> struct Finish {
  const T* bias = nullptr;  // (N)
  Act act = Act::none;
  bool accumulate = false;
};

/// C (a.rows, N) = act(A B + bias).  Arithmetic in acc_t<TA>: f64 throughout, or f32 for f32 and bf16.
template <class TA, class TB, class TC>
void multiply(const Pieces<TA>& a, const Right<TB>& b, int64_t N, const Rows<TC>& c,
              const Finish<acc_t<TC>>& finish = {});

/// C (M, N) = A^T B over K = a.rows = b.rows, plus the old C if accumulate.  C has the arithmetic type.
/// K is cut into ranges that depend on M, N and K alone, and the partial sums are added in order, so the bits are the
/// same for any number of threads.
template <class TA, class TB>
void multiply_transposed(const Pieces<TA>& a, const Pieces<TB>& b, acc_t<TA>* c, int64_t ldc, bool accumulate = false);

/// The definition of multiply, for dense operands.
template <class TA, class TB, class TC>
void multiply_plain(int64_t M, int64_t N, int64_t K, const TA* a, int64_t lda, const Right<TB>& b, TC* c, int64_t ldc,
                    const Finish<acc_t<TC>>& finish = {});

}  // namespace camo::kernel
