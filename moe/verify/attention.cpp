// The flash check: compares tiled attention with online softmax with the plain formula, and measures its memory.
#include <algorithm>
#include <cmath>

#include "moe/verify/checks.h"

namespace camo::moe::checks {
namespace {

struct Plain {
  Tensor y, dq, dk, dv;
};

/// softmax(q k^T / sqrt(D)) v and its gradients, one query at a time, in f64 on the host.  All tensors are (N
/// or M, heads * D).
Plain plain_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy, int64_t heads) {
  const int64_t N = q.dim(0), M = k.dim(0), C = q.dim(1), D = C / heads;
  const double scale = 1 / std::sqrt(double(D));
  Plain out{zeros_like(q), zeros_like(q), zeros_like(k), zeros_like(v)};
  const double *Q = q.read<double>(), *K = k.read<double>(), *V = v.read<double>(), *DY = dy.read<double>();
  double *Y = out.y.write<double>(), *DQ = out.dq.write<double>(), *DK = out.dk.write<double>(),
         *DV = out.dv.write<double>();
  std::vector<double> p(static_cast<size_t>(M)), dp(static_cast<size_t>(M));
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t i = 0; i < N; ++i) {
      const int64_t a = i * C + h * D;
      double top = -INFINITY, sum = 0, mean = 0;
      for (int64_t j = 0; j < M; ++j) {
        p[j] = 0;
        for (int64_t d = 0; d < D; ++d) p[j] += scale * Q[a + d] * K[j * C + h * D + d];
        top = std::max(top, p[j]);
      }
      for (int64_t j = 0; j < M; ++j) sum += p[j] = std::exp(p[j] - top);
      for (int64_t j = 0; j < M; ++j) {
        p[j] /= sum, dp[j] = 0;
        for (int64_t d = 0; d < D; ++d) {
          const int64_t b = j * C + h * D + d;
          Y[a + d] += p[j] * V[b], dp[j] += DY[a + d] * V[b], DV[b] += p[j] * DY[a + d];
        }
        mean += p[j] * dp[j];
      }
      for (int64_t j = 0; j < M; ++j)
        for (int64_t d = 0; d < D; ++d) {
          const double ds = scale * p[j] * (dp[j] - mean);
          DQ[a + d] += ds * K[j * C + h * D + d], DK[j * C + h * D + d] += ds * Q[a + d];
        }
    }
  return out;
}

}  // namespace
}  // namespace camo::moe::checks

namespace camo::moe {

Check verify_attention(const debug::AttentionSizes& s, DType dtype, Device device) {
  // One head of a large map is enough, because the plain formula is slow.
  const int64_t heads = s.N * s.M > 1 << 20 ? 1 : std::min<int64_t>(s.heads, 2), C = heads * s.D;
  auto numbers = [&](int64_t rows, uint64_t seed) { return cast(randn({1, rows, C}, seed), dtype); };
  const Tensor q = numbers(s.N, 1), k = numbers(s.M, 2), v = numbers(s.M, 3), dy = numbers(s.N, 4);
  auto exact = [&](const Tensor& x) { return cast(x, DType::f64).reshape({x.dim(1), C}); };
  const checks::Plain plain = checks::plain_attention(exact(q), exact(k), exact(v), exact(dy), heads);

  const Tensor dq = q.to(device), dk = k.to(device), dv = v.to(device), ddy = dy.to(device);
  attention_backward(ddy, dq, dk, dv, attention(dq, dk, dv, int(heads)), int(heads),
                     0);  // warm-up: threads keep scratch memory
  reset_memory_peak(device);
  const int64_t before = memory_stats(device).in_use;
  const AttentionOut out = attention(dq, dk, dv, int(heads));
  const AttentionGrads grads = attention_backward(ddy, dq, dk, dv, out, int(heads), 0);
  synchronize(device);
  const int64_t peak = memory_stats(device).peak - before;
  // Results and gradients, one number per row and head, and the same again for tiles of scores; never N x M.
  const int64_t linear =
      2 * (out.y.bytes() + out.lse.bytes() + grads.dq.bytes() + grads.dk.bytes() + grads.dv.bytes()) + (1 << 20);

  // With a single key the softmax is 1, so dq and dk are zero up to rounding, relative to dy.
  const double least = 0.1 * checks::norm(exact(dy));
  auto error = [&](const Tensor& x, const Tensor& want) {
    return checks::relative_error(cast(x.to(Device{}), DType::f64).reshape(want.shape()), want, least);
  };
  const double worst = std::max(
      {error(out.y, plain.y), error(grads.dq, plain.dq), error(grads.dk, plain.dk), error(grads.dv, plain.dv)});
  const double limit = dtype == DType::bf16 ? 1e-2 : dtype == DType::f32 ? 1e-5 : 1e-12;
  Check c{.name = "flash",
          .where = text("attention ", s.N, " x ", s.M, ", head size ", s.D, ", ", dtype),
          .verdict = worst <= limit ? Verdict::passed : Verdict::failed,
          .measured = worst,
          .limit = limit,
          .sentence = text("forward and backward against the plain formula; peak ", (peak + 1023) / 1024, " KiB")};
  if (const int64_t scores = s.N * s.M * heads * 4; scores > peak)
    c.sentence += text(", scores would be ", (scores + 1023) / 1024);
  if (peak > linear) c.verdict = Verdict::failed, c.sentence = text("takes ", peak, " bytes, more than O(N): ", linear);
  return c;
}

}  // namespace camo::moe
