// Tensor cores and asynchronous copies, the only place for PTX.
//
// A warp multiplies tiles of bf16 with sums in f32: c (16, 8) += a (16, 16) b (16, 8).  Each lane holds a part of every tile, a fragment, and
// ldmatrix fills fragments from rows in shared memory, each row 8 numbers that begin at a multiple of 16 bytes.
//
//   FragmentA a = load_a(row)      row: this lane's row of a: lane % 16, from column 8 (lane / 16) on
//   FragmentB b = load_b(row)      from b as it is multiplied, (K, N) row by row: row lane % 16
//   FragmentB b = load_bt(row)     from b^T, (N, K) row by row: row lane % 8, from column 8 (lane / 8 % 2) on
//   mma(c, a, b)
//
// copy_async starts a copy of 16 bytes from global to shared memory; commit() closes a group of copies, wait<n>() waits until only the
// last n groups are on their way.  A wait is for this thread's copies; other threads see them after the next barrier.
// All 32 lanes make each call.  Needs a GPU of compute capability 8.0.  Source: PTX ISA, "Warp-level matrix
// instructions" and "Asynchronous copy".
#pragma once

#include "cuda/tools/launch.cuh"
#include "tensor/dtype.h"

#ifndef __CUDACC__
#include "cuda/emulate/tile.h"
#endif

namespace camo::cuda {

struct FragmentA {
  uint32_t words[4];  // two numbers each
};
struct FragmentB {
  uint32_t words[2];
};
/// Lane l has rows l / 4 and l / 4 + 8, columns 2 (l % 4) and the next: numbers 0 and 1 of the first row, 2 and 3 of the other.
struct FragmentC {
  float sums[4] = {};
  __device__ static int row(int lane, int i) { return lane / 4 + i / 2 * 8; }
  __device__ static int column(int lane, int i) { return lane % 4 * 2 + i % 2; }
};

#ifdef __CUDACC__

__device__ inline uint32_t shared_address(const void* p) { return uint32_t(__cvta_generic_to_shared(p)); }

__device__ inline void mma(FragmentC& c, const FragmentA& a, const FragmentB& b) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c.sums[0]), "+f"(c.sums[1]), "+f"(c.sums[2]), "+f"(c.sums[3])
      : "r"(a.words[0]), "r"(a.words[1]), "r"(a.words[2]), "r"(a.words[3]), "r"(b.words[0]), "r"(b.words[1]));
}

__device__ inline FragmentA load_a(const bf16* row) {
  FragmentA a;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(a.words[0]), "=r"(a.words[1]), "=r"(a.words[2]), "=r"(a.words[3])
               : "r"(shared_address(row))
               : "memory");
  return a;
}
__device__ inline FragmentB load_b(const bf16* row) {
  FragmentB b;
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(b.words[0]), "=r"(b.words[1])
               : "r"(shared_address(row))
               : "memory");
  return b;
}
__device__ inline FragmentB load_bt(const bf16* row) {
  FragmentB b;
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(b.words[0]), "=r"(b.words[1])
               : "r"(shared_address(row))
               : "memory");
  return b;
}

/// 16 bytes; with valid = false zeros, and `from` is not read.
__device__ inline void copy_async(void* to, const void* from, bool valid = true) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(valid ? 16 : 0)
               : "memory");
}
__device__ inline void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> __device__ inline void wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

#else

inline void mma(FragmentC& c, const FragmentA& a, const FragmentB& b) { emulate::mma(c.sums, a.words, b.words); }
inline FragmentA load_a(const bf16* row) {
  FragmentA a;
  emulate::load_matrix(a.words, 4, row, false);
  return a;
}
inline FragmentB load_b(const bf16* row) {
  FragmentB b;
  emulate::load_matrix(b.words, 2, row, true);
  return b;
}
inline FragmentB load_bt(const bf16* row) {
  FragmentB b;
  emulate::load_matrix(b.words, 2, row, false);
  return b;
}
inline void copy_async(void* to, const void* from, bool valid = true) {
  emulate::copy_async(to, valid ? from : nullptr);
}
inline void commit() { emulate::commit_copies(); }
template <int N> void wait() { emulate::wait_copies(N); }

#endif

}  // namespace camo::cuda
