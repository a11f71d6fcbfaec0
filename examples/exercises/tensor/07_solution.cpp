void conv_backward(const double* x, const double* w, const double* dy, int64_t n, int64_t k, int64_t m, int64_t s,
                   int64_t p, double* dx, double* dw) {
  std::fill_n(dx, n, 0.0);
  std::fill_n(dw, k, 0.0);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t u = 0; u < k; ++u) {
      const int64_t h = s * i + u - p;
      if (h < 0 || h >= n) continue;
      dx[h] += dy[i] * w[u];
      dw[u] += dy[i] * x[h];
    }
}
