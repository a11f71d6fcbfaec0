// Elementwise kernels: y = f(x...) with broadcasting.  Each operand is read once and y is written once.
//
// A thread processes kPack neighbours of y at a time (16 bytes of the smallest type), strides over the grid, and
// computes the positions of its operands once per pack.  Runs that are not whole packs, or not aligned, go element by
// element through the same f.  Bound by memory: the bytes of y and of every operand that does not repeat.
#pragma once

#include "cuda/tools/warp.cuh"
#include "tensor/broadcast.h"

namespace camo::cuda {

/// kernel::Broadcast for the device: the position of each operand for element i of the output.
template <int K> struct Places {
  int64_t numel;
  int rank;
  int64_t length[kMaxRank], stride[kMaxRank][K];  // innermost axis first; stride 0: the operand repeats

  explicit Places(const kernel::Broadcast<K>& plan) : numel(plan.numel), rank(plan.rank) {
    for (int axis = 0; axis < rank; ++axis) {
      length[axis] = plan.length[axis];
      for (int k = 0; k < K; ++k) stride[axis][k] = plan.stride[axis][k];
    }
  }

  /// 64-bit division is a slow subroutine on a GPU; the branch is the same for all threads.
  __device__ int64_t quotient(int64_t a, int64_t b) const {
    return numel <= 0x7fffffff ? int64_t(uint32_t(a) / uint32_t(b)) : a / b;
  }

  __device__ void at(int64_t i, int64_t (&offset)[K]) const {
    for (int k = 0; k < K; ++k) offset[k] = 0;
    for (int axis = 0; axis < rank; ++axis) {
      const bool last = axis + 1 == rank;
      const int64_t rest = last ? 0 : quotient(i, length[axis]), here = last ? i : i - rest * length[axis];
      for (int k = 0; k < K; ++k) offset[k] += here * stride[axis][k];
      i = rest;
    }
  }
};

template <class... T>
constexpr int kMapPack = [] {
  int n = 1;
  ((n = kPack<T> > n ? kPack<T> : n), ...);
  return n;
}();

/// N neighbours, or one number repeated N times.
template <int N, class T> __device__ Pack<T, N> operand(const T* p, bool repeats) {
  if (!repeats) return *reinterpret_cast<const Pack<T, N>*>(p);
  Pack<T, N> out;
  for (int j = 0; j < N; ++j) out.at[j] = *p;
  return out;
}

template <class T, class F, size_t... k, class... X>
__device__ void map_pack(const Places<int(sizeof...(X))>& places, int64_t i, F f, T* y, std::index_sequence<k...>,
                         const X*... x) {
  constexpr int N = kMapPack<T, X...>;
  int64_t at[sizeof...(X)];
  places.at(i, at);
  const auto apply = [=](const auto&... p) {
    Pack<T, N> out;
    for (int j = 0; j < N; ++j) out.at[j] = narrow<T>(f(widen(p.at[j])...));
    return out;
  };
  *reinterpret_cast<Pack<T, N>*>(y + i) = apply(operand<N>(x + at[k], places.stride[0][k] == 0)...);
}

template <class T, class F, size_t... k, class... X>
__device__ void map_element(const Places<int(sizeof...(X))>& places, int64_t i, F f, T* y, std::index_sequence<k...>,
                            const X*... x) {
  int64_t at[sizeof...(X)];
  places.at(i, at);
  y[i] = narrow<T>(f(widen(x[at[k]])...));
}

/// Computes the first `packs` packs of y as packs and the rest element by element.  Without __grid_constant__ the
/// compiler may copy the places to every thread's local memory, several times the bytes of a pack.
template <class T, class F, class... X>
__global__ void map_kernel(const __grid_constant__ Places<int(sizeof...(X))> places, int64_t packs, F f, T* y,
                           const X*... x) {
  constexpr int N = kMapPack<T, X...>;
  const std::index_sequence_for<X...> each;
  for (int64_t i = first_item(); i < packs; i += item_stride()) map_pack(places, i * N, f, y, each, x...);
  for (int64_t i = packs * N + first_item(); i < places.numel; i += item_stride())
    map_element(places, i, f, y, each, x...);
}

/// y = f(x...) over the shape of the plan; f takes and returns numbers of type acc_t.  y may be one of the x.
template <class T, class F, class... X>
void map(Cuda where, const char* name, const kernel::Broadcast<int(sizeof...(X))>& plan, F f, T* y, const X*... x) {
  constexpr int N = kMapPack<T, X...>;
  const auto aligned = [](const auto* p) {
    return reinterpret_cast<uintptr_t>(p) % alignof(Pack<std::remove_cvref_t<decltype(*p)>, N>) == 0;
  };
  const bool whole = plan.rank == 1 || plan.length[0] % N == 0;
  const int64_t packs = whole && aligned(y) && (aligned(x) && ...) ? plan.numel / N : 0;
  const int64_t items = std::max(packs, plan.numel - packs * N);
  launch(where, name, blocks(items), kThreads, 0, map_kernel<T, F, X...>, plan, packs, f, y, x...);
}

/// The same when all shapes are equal.
template <class T, class F, class... X> void map(Cuda where, const char* name, int64_t n, F f, T* y, const X*... x) {
  const Shape flat{n};
  std::array<Shape, sizeof...(X)> same;
  same.fill(flat);
  map(where, name, kernel::Broadcast<int(sizeof...(X))>(flat, same), f, y, x...);
}

}  // namespace camo::cuda
