// Optimizer updates on the GPU: one launch for all parameters of a dtype (cuda/tools/tensor_list.cuh).
//
// A rule updates the state of one element.  A thread reads a pack of each state and of the gradient, and writes the
// states.  Bound by memory: per element, AdamW moves 7 numbers, SGD 5, EMA 3.
#include <cmath>

#include "cuda/tools/tensor_list.cuh"
#include "tensor/ops/optim.h"

namespace camo::kernel {
namespace {

using cuda::Pack, cuda::kPack;

/// A tensor with its states (Rule::kStates tensors of n elements) and the gradient or value that updates them.
template <class T, class Rule> struct Item {
  T* state[Rule::kStates];
  const T* drive;
  bool aligned;
  Rule rule;
  int64_t n, first;

  Item(std::initializer_list<Tensor> states, const Tensor& driving, Rule r)
      : drive(driving.read<T>()), aligned(cuda::rows_aligned(drive, 0)), rule(r), n(driving.numel()), first(0) {
    int s = 0;
    for (Tensor t : states) state[s++] = t.write<T>(), aligned = aligned && cuda::rows_aligned(t.read<T>(), 0);
  }
};

template <class T> struct AdamWRule {  // parameter, first, second
  static constexpr int kStates = 3;
  T b1, a1, b2, a2, eps, scale, keep, rate, root;

  AdamWRule(const AdamWItem& item, const AdamWConfig& c)
      : b1(T(c.beta1)),
        a1(T(1 - c.beta1)),
        b2(T(c.beta2)),
        a2(T(1 - c.beta2)),
        eps(T(c.eps)),
        scale(T(c.gradient_scale)),
        keep(T(1 - item.rate * item.decay)),
        rate(T(item.rate * unbiased(c.beta1, item.steps))),
        root(T(std::sqrt(unbiased(c.beta2, item.steps)))) {}
  static double unbiased(double beta, int64_t steps) { return 1 / (1 - std::pow(beta, double(steps))); }
  __device__ void operator()(T& p, T& m, T& v, T gradient) const {
    const T d = gradient * scale;
    m = b1 * m + a1 * d;
    v = b2 * v + a2 * d * d;
    p = p * keep - rate * m / (camo::sqrt(v) * root + eps);
  }
};

template <class T> struct SgdRule {  // parameter, momentum
  static constexpr int kStates = 2;
  T mu, scale, decay, rate;
  __device__ void operator()(T& p, T& v, T gradient) const {
    v = mu * v + (scale * gradient + decay * p);
    p = p - rate * v;
  }
};

template <class T> struct EmaRule {  // average, updated by the value; equal numbers stay equal
  static constexpr int kStates = 1;
  T step;
  __device__ void operator()(T& a, T x) const { a = a + step * (x - a); }
};

template <class T, class Rule, size_t... s>
__device__ void apply(const Rule& rule, Pack<T, kPack<T>> (&state)[Rule::kStates], const Pack<T, kPack<T>>& drive,
                      std::index_sequence<s...>) {
  for (int j = 0; j < kPack<T>; ++j) rule(state[s].at[j]..., drive.at[j]);
}

template <class T, class Rule> __global__ void update_items(const Item<T, Rule>* items, int64_t count, int64_t pieces) {
  constexpr int N = kPack<T>;
  for (int64_t piece = blockIdx.x; piece < pieces; piece += gridDim.x) {
    const Item<T, Rule> item = cuda::item_of(items, count, piece);
    const int64_t begin = (piece - item.first) * cuda::kItemPiece, whole = begin + cuda::kItemPiece;
    const int64_t end = whole < item.n ? whole : item.n;
    for (int64_t i = begin + int64_t(threadIdx.x) * N; i < end; i += int64_t(blockDim.x) * N) {
      Pack<T, N> state[Rule::kStates];
      for (int s = 0; s < Rule::kStates; ++s) state[s] = cuda::load_pack<N>(item.state[s] + i, end - i, item.aligned);
      const Pack<T, N> drive = cuda::load_pack<N>(item.drive + i, end - i, item.aligned);
      apply<T>(item.rule, state, drive, std::make_index_sequence<Rule::kStates>());
      for (int s = 0; s < Rule::kStates; ++s) cuda::store_pack<N>(state[s], item.state[s] + i, end - i, item.aligned);
    }
  }
}

/// make.operator()<T>(p) returns the item of a parameter; one launch for all in f32 and one for all in f64.
template <class Parameters, class Dtype, class Make>
void update(Cuda where, const char* name, const Parameters& parameters, const Dtype& dtype, const Make& make) {
  auto all = [&]<class T>() {
    using Entry = decltype(make.template operator()<T>(parameters[0]));
    std::vector<Entry> items;
    for (const auto& p : parameters)
      if (dtype(p) == dtype_of<T>) items.push_back(make.template operator()<T>(p));
    if (items.empty()) return;
    const cuda::ItemTable<Entry> table(where, std::move(items));
    cuda::launch(where, name, cuda::blocks(table.pieces, 1), cuda::kThreads, 0, update_items<T, decltype(Entry::rule)>,
                 table, table.count, table.pieces);
  };
  all.template operator()<float>();
  all.template operator()<double>();
}

}  // namespace

void adamw(Cuda where, const std::vector<AdamWItem>& items, const AdamWConfig& config) {
  const auto dtype = [](const AdamWItem& i) { return i.parameter.dtype(); };
  update(where, "adamw", items, dtype, [&]<class T>(const AdamWItem& i) {
    return Item<T, AdamWRule<T>>({i.parameter, i.first, i.second}, i.gradient, AdamWRule<T>(i, config));
  });
}

void sgd(Cuda where, const std::vector<SgdItem>& items, double momentum, double gradient_scale) {
  const auto dtype = [](const SgdItem& i) { return i.parameter.dtype(); };
  update(where, "sgd", items, dtype, [&]<class T>(const SgdItem& i) {
    const SgdRule<T> rule{T(momentum), T(gradient_scale), T(i.decay), T(i.rate)};
    return Item<T, SgdRule<T>>({i.parameter, i.momentum}, i.gradient, rule);
  });
}

void ema(Cuda where, const std::vector<std::pair<Tensor, Tensor>>& pairs, double decay) {
  using Pair = std::pair<Tensor, Tensor>;
  const auto dtype = [](const Pair& p) { return p.first.dtype(); };
  update(where, "ema", pairs, dtype,
         [&]<class T>(const Pair& p) { return Item<T, EmaRule<T>>({p.first}, p.second, EmaRule<T>{T(1 - decay)}); });
}

}  // namespace camo::kernel
