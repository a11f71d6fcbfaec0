// The rungs of the mixture as a Ladder.
#include "examples/ladders/ladder.h"

#include <cmath>

#include "examples/ladders/mixture/mixture.h"
#include "tensor/random.h"

namespace camo::ladder {
namespace {

/// Row r goes to K neighbouring experts of a pseudo-random one, with equal weights but for the first.
Mixture some_mixture(int64_t R, int64_t C, int64_t H, int64_t E, int64_t K) {
  Mixture m{randn({R, C}, 1), empty({R, K}, DType::i64), empty({R, K}, DType::f32), randn({E, H, C}, 2) * 0.1,
            randn({E, C, H}, 3) * 0.1};
  for (int64_t i = 0; i < R * K; ++i) {
    m.expert.write<int64_t>()[i] = (i / K * 7919 % 101 + i % K) % E;
    m.weight.write<float>()[i] = i % K ? 0.25f : 0.75f;
  }
  return m;
}

std::vector<double> definition(const Mixture& m) {
  const int64_t C = m.x.dim(1), H = m.W1.dim(1);
  std::vector<double> y(size_t(m.R() * C)), hidden(static_cast<size_t>(H));
  for (int64_t i = 0; i < m.R() * m.K(); ++i) {
    const float *x = m.x.read<float>() + i / m.K() * C, weight = m.weight.read<float>()[i];
    const int64_t e = m.expert.read<int64_t>()[i];
    const float *W1 = m.W1.read<float>() + e * H * C, *W2 = m.W2.read<float>() + e * C * H;
    for (int64_t h = 0; h < H; ++h) {
      double sum = 0;
      for (int64_t c = 0; c < C; ++c) sum += double(x[c]) * double(W1[h * C + c]);
      hidden[size_t(h)] = 0.5 * sum * (1 + std::erf(sum / std::sqrt(2.0)));
    }
    for (int64_t c = 0; c < C; ++c)
      for (int64_t h = 0; h < H; ++h)
        y[size_t(i / m.K() * C + c)] += double(weight) * hidden[size_t(h)] * double(W2[c * H + h]);
  }
  return y;
}

}  // namespace

Ladder mixture_ladder(bool small) {
  const int64_t R = small ? 29 : 4096, C = small ? 12 : 64, H = small ? 20 : 128, E = small ? 5 : 8, K = 2;
  auto m = std::make_shared<Mixture>(some_mixture(R, C, H, E, K));
  auto y = std::make_shared<Tensor>();
  auto rung = [=](const char* name, const char* idea, Tensor (*f)(const Mixture&), int64_t memory, int threads = 1) {
    return Rung{name, idea, [=] { *y = f(*m); }, threads, 4 * memory};
  };
  Ladder out{.name = "mixture",
             .task = "4096 rows of 64 numbers to 2 of 8 experts, 128 hidden, f32, forward",
             .flops = 4.0 * double(R * K * C * H),
             .bytes = 4.0 * double(2 * R * C + 2 * E * C * H),
             .rungs = {rung("1_loop", "a row and an expert at a time", mixture_1_loop, H + C),
                       rung("2_all", "every expert on every row", mixture_2_all, R * (H + C)),
                       rung("3_sorted", "each expert on its rows", mixture_3_sorted, R * K * (H + 3 * C)),
                       rung("4_grouped", "one product for all experts", mixture_4_grouped, R * K * (2 * H + 2 * C)),
                       rung("5_threads", "the same on all threads", mixture_5_threads, R * K * (2 * H + 2 * C), 0)},
             .result = [=] { return to_vector<double>(cast(*y, DType::f64)); },
             .clear =
                 [=] {
                   *y = full({R, C}, NAN);
                 },
             .truth = {}};
  if (small) out.truth = definition(*m);
  return out;
}

}  // namespace camo::ladder
