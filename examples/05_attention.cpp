// Attention as a lookup.
//
// The idea: softmax(q k^T) v is a soft dictionary.  A list holds (key, value) pairs in random order; given a key, the
// network must answer with the value next to it.  Fixed weights over positions cannot do that, because the position
// changes every time, but comparing the question with every key can.  Trained on lists of 12, it also works on lists of
// 20, because no parameter of attention depends on the length of the list.
// Before: 04_convolution.cpp.  Next: 06_moe.cpp.  The fast kernel: tensor/cpu/kernels/attention.h.
#include <cmath>
#include <cstdio>
#include <numeric>

#include "nn/layers.h"
#include "nn/optim.h"

using namespace camo;

namespace {

constexpr int64_t kKeys = 20, kValues = 8, kWidth = 32;

struct Lists {
  Tensor pairs;     // (B, N, kKeys + kValues): one-hot key and one-hot value side by side
  Tensor question;  // (B, 1, kKeys): one-hot, one of the keys in the list
  Tensor answer;    // (B) i64: the value beside it
  Tensor place;     // (B) i64: the position of the pair, which the network is never told
};

Lists make(int64_t B, int64_t N, uint64_t seed) {
  Lists out{zeros({B, N, kKeys + kValues}), zeros({B, 1, kKeys}), empty({B}, DType::i64), empty({B}, DType::i64)};
  Random random({.seed = seed, .domain = Domain::synth});
  for (int64_t b = 0; b < B; ++b) {
    std::vector<int64_t> key(kKeys);
    std::iota(key.begin(), key.end(), 0);
    const int64_t asked = random.below(N);
    for (int64_t n = 0; n < N; ++n) {
      std::swap(key[size_t(n)], key[size_t(n + random.below(kKeys - n))]);  // all keys differ
      const int64_t value = random.below(kValues);
      float* pair = out.pairs.write<float>() + (b * N + n) * (kKeys + kValues);
      pair[key[size_t(n)]] = pair[kKeys + value] = 1;
      if (n == asked) {
        out.question.write<float>()[b * kKeys + key[size_t(n)]] = 1;
        out.answer.write<int64_t>()[b] = value, out.place.write<int64_t>()[b] = n;
      }
    }
  }
  return out;
}

struct Dictionary : nn::Module {
  nn::Linear query, key, value, out;
  Dictionary(nn::Scope s)
      : Module(std::move(s)),
        query(sub("query"), kKeys, kWidth),
        key(sub("key"), kKeys + kValues, kWidth),
        value(sub("value"), kKeys + kValues, kWidth),
        out(sub("out"), kWidth, kValues) {}
  Var forward(const Lists& x) {                              // -> (B, kValues) logits
    Var pairs(x.pairs), q = query.forward(Var(x.question));  // (B, 1, width)
    Var found = attention(q, key.forward(pairs), value.forward(pairs), /*heads=*/1);
    return reshape(out.forward(found), {x.pairs.dim(0), kValues});
  }
  /// The weights softmax(q k^T / sqrt(D)), (B, N), which the attention op does not store.
  Tensor weights(const Lists& x) {
    NoGrad no_grad;
    Tensor q = query.forward(Var(x.question)).value(), k = key.forward(Var(x.pairs)).value();
    Tensor scores = matmul(q, k, Trans::no, Trans::yes);  // (B, 1, N)
    return softmax(scores * (1 / std::sqrt(double(kWidth)))).reshape({x.pairs.dim(0), -1});
  }
};

double accuracy(Dictionary& net, const Lists& x) {
  NoGrad no_grad;
  Tensor guess = argmax(net.forward(x).value(), -1);
  int64_t right = 0;
  for (int64_t b = 0; b < guess.numel(); ++b) right += guess.read<int64_t>()[b] == x.answer.read<int64_t>()[b];
  return double(right) / double(guess.numel());
}

}  // namespace

int main() {
  Dictionary net(nn::Scope{.seed = 1});
  nn::AdamW optimizer(net, {.decay = 0});
  for (uint64_t step = 0; step <= 800; ++step) {
    Lists batch = make(64, 12, 100 + step);
    Var loss = cross_entropy(net.forward(batch), batch.answer);
    backward(loss);
    optimizer.step(5e-3);
    if (step % 100 == 0) std::printf("step %3d  loss %.4f\n", int(step), item(loss.value()));
  }

  Lists few = make(6, 12, 3);
  Tensor weights = net.weights(few);
  std::printf("\nwhere it looks (rows: questions; columns: places in the list; > marks the right one)\n");
  for (int64_t b = 0; b < 6; ++b) {
    for (int64_t n = 0; n < 12; ++n)
      std::printf("%s%.2f", n == few.place.read<int64_t>()[b] ? " >" : "  ", weights.read<float>()[b * 12 + n]);
    std::printf("\n");
  }
  const double trained = accuracy(net, make(500, 12, 1)), longer = accuracy(net, make(500, 20, 2));
  std::printf("\nright answers: lists of 12 %.3f, lists of 20 %.3f (promised 0.95 for both; guessing gives %.3f)\n",
              trained, longer, 1.0 / kValues);
  return trained >= 0.95 && longer >= 0.95 ? 0 : 1;
}
