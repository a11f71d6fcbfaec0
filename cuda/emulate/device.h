// CUDA's keywords and built-in functions as plain C++, for compiling kernels with the host compiler.
//
// Only what kernels may use is declared, so anything else does not compile (cuda/README.md has the list).  Collectives
// take their source position as a last, defaulted argument, so that error messages can name it.  threadIdx and the like
// belong to the emulated thread that runs.  Definitions: block.cpp, warp.cpp, shared.cpp.
// Source: CUDA C++ Programming Guide 7.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
inline constinit thread_local uint3 threadIdx{}, blockIdx{};
inline constinit thread_local dim3 blockDim{}, gridDim{};

namespace camo::emulate {

struct Place {
  const char* file;
  int line;
};
constexpr Place here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }

enum class Op {
  barrier,
  barrier_or,
  barrier_and,
  barrier_count,
  warp,
  shuffle,
  up,
  down,
  flip,
  ballot,
  any,
  all,
  mma,
  load_matrix
};

/// A barrier of the block; returns the vote of `op` over all predicates.
int meet(Op op, int predicate, Place place);
/// A collective of the lanes in mask; returns the value that `op` gives this lane.
uint64_t exchange(Op op, unsigned mask, uint64_t value, int argument, int width, Place place);
/// All lanes of a warp deposit `mine`, and the last to come calls compute(lanes).
void together(Op op, void* mine, void (*compute)(void* const* lanes), Place place);
/// The block's shared array with that key.  The first thread that asks creates and poisons it.
void* shared_array(const void* key, const char* name, size_t bytes);
/// The launch's dynamic shared memory.
void* dynamic_shared();

template <class T> T shuffle(Op op, unsigned mask, T value, int argument, int width, Place place) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "a shuffle moves 4 or 8 bytes");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(op, mask, bits, argument, width, place);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The memory word that an atomic works on.  Emulated threads never run at the same time, so plain accesses are atomic.
template <class T>
concept Word = std::same_as<T, int> || std::same_as<T, unsigned>;
template <class T>
concept Sum = Word<T> || std::same_as<T, unsigned long long>;
template <class T> T replace(T* at, T value) {
  T old = *at;
  *at = value;
  return old;
}

}  // namespace camo::emulate

// ---- the block ---------------------------------------------------------------------------------------------
#define CAMO_PLACE camo::emulate::Place place = camo::emulate::here()

inline void __syncthreads(CAMO_PLACE) { meet(camo::emulate::Op::barrier, 0, place); }
inline int __syncthreads_or(int p, CAMO_PLACE) { return meet(camo::emulate::Op::barrier_or, p, place); }
inline int __syncthreads_and(int p, CAMO_PLACE) { return meet(camo::emulate::Op::barrier_and, p, place); }
inline int __syncthreads_count(int p, CAMO_PLACE) { return meet(camo::emulate::Op::barrier_count, p, place); }

/// A shared array: SHARED(float, tile, [32][33]).  There is one per block and, as in CUDA, one per instantiation of the
/// surrounding template: the static variable inside the lambda is its key.
#define SHARED(T, name, ...)                                                                   \
  auto& name = *static_cast<std::type_identity_t<T __VA_ARGS__>*>(camo::emulate::shared_array( \
      [] {                                                                                     \
        static char key;                                                                       \
        return static_cast<const void*>(&key);                                                 \
      }(),                                                                                     \
      #name, sizeof(T __VA_ARGS__)))
#define DYN_SHARED(T, name) T* name = static_cast<T*>(camo::emulate::dynamic_shared())

// ---- the warp ----------------------------------------------------------------------------------------------
inline void __syncwarp(unsigned mask = ~0u, CAMO_PLACE) { exchange(camo::emulate::Op::warp, mask, 0, 0, 32, place); }
template <class T> T __shfl_sync(unsigned mask, T value, int lane, int width = 32, CAMO_PLACE) {
  return shuffle(camo::emulate::Op::shuffle, mask, value, lane, width, place);
}
template <class T> T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, CAMO_PLACE) {
  return shuffle(camo::emulate::Op::up, mask, value, int(delta), width, place);
}
template <class T> T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, CAMO_PLACE) {
  return shuffle(camo::emulate::Op::down, mask, value, int(delta), width, place);
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, int flip, int width = 32, CAMO_PLACE) {
  return shuffle(camo::emulate::Op::flip, mask, value, flip, width, place);
}
inline unsigned __ballot_sync(unsigned mask, int p, CAMO_PLACE) {
  return unsigned(exchange(camo::emulate::Op::ballot, mask, p != 0, 0, 32, place));
}
inline int __any_sync(unsigned mask, int p, CAMO_PLACE) {
  return int(exchange(camo::emulate::Op::any, mask, p != 0, 0, 32, place));
}
inline int __all_sync(unsigned mask, int p, CAMO_PLACE) {
  return int(exchange(camo::emulate::Op::all, mask, p != 0, 0, 32, place));
}
#undef CAMO_PLACE

// ---- one thread --------------------------------------------------------------------------------------------
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return std::countl_zero(unsigned(x)); }
template <class T> T __ldg(const T* at) { return *at; }

// Only integers: a float sum in order of arrival would differ from run to run.
template <camo::emulate::Sum T> T atomicAdd(T* at, std::type_identity_t<T> x) {  // wraps, as on the device
  using U = std::make_unsigned_t<T>;
  return camo::emulate::replace(at, T(U(*at) + U(x)));
}
template <camo::emulate::Word T> T atomicMax(T* at, std::type_identity_t<T> x) {
  return camo::emulate::replace(at, *at < x ? x : *at);
}
template <camo::emulate::Word T> T atomicMin(T* at, std::type_identity_t<T> x) {
  return camo::emulate::replace(at, x < *at ? x : *at);
}
template <camo::emulate::Word T> T atomicOr(T* at, std::type_identity_t<T> x) {
  return camo::emulate::replace(at, *at | x);
}
template <camo::emulate::Word T> T atomicExch(T* at, std::type_identity_t<T> x) {
  return camo::emulate::replace(at, x);
}
template <camo::emulate::Word T> T atomicCAS(T* at, std::type_identity_t<T> old, std::type_identity_t<T> x) {
  return camo::emulate::replace(at, *at == old ? x : *at);
}
