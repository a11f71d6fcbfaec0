#include "tensor/cpu/kernels/attention_plain.h"

#include <cmath>
#include <vector>

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

// ---- within windows -----------------------------------------------------------------------------------------

namespace {

/// One head of one window.  Part 0, 1, 2 of a row is q, k, v.
template <class T> struct Head {
  const T *qkv, *pad;
  const acc_t<T>* bias;
  const Windows& w;
  int64_t window, h;

  const T* row(int64_t i, int part) const {
    const int64_t r = w.row(window, i), C = w.channels();
    return (r < w.rows() ? qkv + r * 3 * C : pad) + part * C + h * w.D;
  }
  /// Softmax of the scores of query i.
  std::vector<double> probabilities(int64_t i) const {
    const int64_t n = w.tokens();
    std::vector<double> p(n);
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; ++j) {
      p[j] = dot(row(i, 0), row(j, 1), w.D) / std::sqrt(double(w.D)) + bias[(h * n + i) * n + j];
      if (w.shifted() && w.part(window, i) != w.part(window, j)) p[j] += kMask;
      top = std::max(top, p[j]);
    }
    for (double& x : p) sum += x = std::exp(x - top);
    for (double& x : p) x /= sum;
    return p;
  }
};

template <class F> void each_head(const Windows& w, const F& f) {
  for (int64_t window = 0; window < w.count(); ++window)
    for (int64_t h = 0; h < w.heads; ++h) f(window, h);
}

}  // namespace

template <class T>
void window_attention_plain(const T* qkv, const T* pad, const acc_t<T>* bias, T* y, const Windows& w) {
  each_head(w, [&](int64_t window, int64_t h) {
    const Head<T> head{qkv, pad, bias, w, window, h};
    for (int64_t i = 0; i < w.tokens(); ++i) {
      const int64_t r = w.row(window, i);
      if (r >= w.rows()) continue;
      const std::vector<double> p = head.probabilities(i);
      for (int64_t d = 0; d < w.D; ++d) {
        double sum = 0;
        for (int64_t j = 0; j < w.tokens(); ++j) sum += p[j] * number(head.row(j, 2)[d]);
        y[r * w.channels() + h * w.D + d] = T(acc_t<T>(sum));
      }
    }
  });
}

// With P = softmax(S):  dV = P^T dY,  dP = dY V^T,  dS = P (dP - rowsum(P dP)),  dQ = scale dS K,  dK = scale dS^T Q.
template <class T>
void window_attention_backward_plain(const T* dy, const T* qkv, const T* pad, const acc_t<T>* bias, T* dqkv,
                                     acc_t<T>* dbias, const Windows& w) {
  const int64_t n = w.tokens(), C = w.channels(), D = w.D;
  const double scale = 1 / std::sqrt(double(D));
  std::vector<double> sums((w.rows() + w.pads()) * 3 * C), bias_sums(w.heads * n * n), dp(n);
  each_head(w, [&](int64_t window, int64_t h) {
    const Head<T> head{qkv, pad, bias, w, window, h};
    auto sum = [&](int64_t i, int part) { return &sums[(w.row(window, i) * 3 + part) * C + h * D]; };
    for (int64_t i = 0; i < n; ++i) {
      const int64_t r = w.row(window, i);
      if (r >= w.rows()) continue;
      const std::vector<double> p = head.probabilities(i);
      const T* g = dy + r * C + h * D;
      double delta = 0;
      for (int64_t j = 0; j < n; ++j) delta += p[j] * (dp[j] = dot(g, head.row(j, 2), D));
      for (int64_t j = 0; j < n; ++j) {
        const double ds = p[j] * (dp[j] - delta);
        bias_sums[(h * n + i) * n + j] += ds;
        for (int64_t d = 0; d < D; ++d) {
          sum(i, 0)[d] += scale * ds * number(head.row(j, 1)[d]);
          sum(j, 1)[d] += scale * ds * number(head.row(i, 0)[d]);
          sum(j, 2)[d] += p[j] * number(g[d]);
        }
      }
    }
  });
  for (size_t i = 0; i < sums.size(); ++i) dqkv[i] = T(acc_t<T>(sums[i]));
  for (size_t i = 0; i < bias_sums.size(); ++i) dbias[i] = acc_t<T>(bias_sums[i]);
}

template void window_attention_plain(const float*, const float*, const float*, float*, const Windows&);
template void window_attention_plain(const double*, const double*, const double*, double*, const Windows&);
template void window_attention_plain(const bf16*, const bf16*, const float*, bf16*, const Windows&);
template void window_attention_backward_plain(const float*, const float*, const float*, const float*, float*, float*,
                                              const Windows&);
template void window_attention_backward_plain(const double*, const double*, const double*, const double*, double*,
                                              double*, const Windows&);
template void window_attention_backward_plain(const bf16*, const bf16*, const bf16*, const float*, bf16*, float*,
                                              const Windows&);

}  // namespace camo::kernel
