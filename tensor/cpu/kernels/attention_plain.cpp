// The definition of attention: one query at a time, with scores in double.
#include <cmath>
#include <vector>

#include "tensor/cpu/kernels/attention.h"

namespace camo::kernel {
namespace {

template <class T> double number(T x) { return double(acc_t<T>(x)); }

template <class T> double dot(const T* a, const T* b, int64_t n) {
  double sum = 0;
  for (int64_t d = 0; d < n; ++d) sum += number(a[d]) * number(b[d]);
  return sum;
}

/// p = softmax of one query's scores; returns their log-sum-exp.
template <class T>
double probabilities(const T* q, const T* k, const Attention& s, int64_t b, int64_t h, std::vector<double>& p) {
  double top = -INFINITY, sum = 0;
  for (int64_t j = 0; j < s.M; ++j) top = std::max(top, p[j] = s.scale * dot(q, k + s.key(b, h, j), s.D));
  for (int64_t j = 0; j < s.M; ++j) sum += p[j] = std::exp(p[j] - top);
  for (int64_t j = 0; j < s.M; ++j) p[j] /= sum;
  return top + std::log(sum);
}

}  // namespace

template <class T> void attention_plain(const T* q, const T* k, const T* v, T* y, acc_t<T>* lse, const Attention& s) {
  std::vector<double> p(s.M);
  for (int64_t b = 0; b < s.B; ++b)
    for (int64_t h = 0; h < s.heads; ++h)
      for (int64_t i = 0; i < s.N; ++i) {
        lse[(b * s.heads + h) * s.N + i] = acc_t<T>(probabilities(q + s.query(b, h, i), k, s, b, h, p));
        for (int64_t d = 0; d < s.D; ++d) {
          double sum = 0;
          for (int64_t j = 0; j < s.M; ++j) sum += p[j] * number(v[s.key(b, h, j) + d]);
          y[s.query(b, h, i) + d] = T(acc_t<T>(sum));
        }
      }
}

// With P = softmax(S):  dV = P^T dY,  dP = dY V^T,  dS = P (dP - rowsum(P dP)),  dQ = scale dS K,  dK = scale dS^T Q.
template <class T>
void attention_backward_plain(const T* dy, const T* q, const T* k, const T* v, T* dq, T* dk, T* dv,
                              const Attention& s) {
  const int64_t keys = s.B * s.M * s.heads * s.D;
  std::vector<double> p(s.M), dp(s.M), sum_dk(keys), sum_dv(keys), sum_dq(s.D);
  for (int64_t b = 0; b < s.B; ++b)
    for (int64_t h = 0; h < s.heads; ++h)
      for (int64_t i = 0; i < s.N; ++i) {
        const int64_t at = s.query(b, h, i);
        probabilities(q + at, k, s, b, h, p);
        double delta = 0;
        for (int64_t j = 0; j < s.M; ++j) delta += p[j] * (dp[j] = dot(dy + at, v + s.key(b, h, j), s.D));
        sum_dq.assign(s.D, 0);
        for (int64_t j = 0; j < s.M; ++j)
          for (int64_t d = 0, key = s.key(b, h, j); d < s.D; ++d, ++key) {
            const double ds = s.scale * p[j] * (dp[j] - delta);
            sum_dq[d] += ds * number(k[key]);
            sum_dk[key] += ds * number(q[at + d]);
            sum_dv[key] += p[j] * number(dy[at + d]);
          }
        for (int64_t d = 0; d < s.D; ++d) dq[at + d] = T(acc_t<T>(sum_dq[d]));
      }
  for (int64_t i = 0; i < keys; ++i) dk[i] = T(acc_t<T>(sum_dk[i])), dv[i] = T(acc_t<T>(sum_dv[i]));
}

template void attention_plain(const float*, const float*, const float*, float*, float*, const Attention&);
template void attention_plain(const double*, const double*, const double*, double*, double*, const Attention&);
template void attention_plain(const bf16*, const bf16*, const bf16*, bf16*, float*, const Attention&);
template void attention_backward_plain(const float*, const float*, const float*, const float*, float*, float*, float*,
                                       const Attention&);
template void attention_backward_plain(const double*, const double*, const double*, const double*, double*, double*,
                                       double*, const Attention&);
template void attention_backward_plain(const bf16*, const bf16*, const bf16*, const bf16*, bf16*, bf16*, bf16*,
                                       const Attention&);

}  // namespace camo::kernel
