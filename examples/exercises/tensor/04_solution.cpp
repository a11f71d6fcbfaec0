void query_backward(const double* q, const double* k, const double* v, const double* y, const double* dy, double lambda,
                    double scale, int64_t M, int64_t D, double* dq, double* dk, double* dv) {
  double delta = 0;
  for (int64_t d = 0; d < D; ++d) delta += dy[d] * y[d], dq[d] = 0;
  for (int64_t j = 0; j < M; ++j) {
    double s = 0, dp = 0;
    for (int64_t d = 0; d < D; ++d) s += q[d] * k[j * D + d], dp += dy[d] * v[j * D + d];
    const double p = std::exp(scale * s - lambda), ds = scale * p * (dp - delta);
    for (int64_t d = 0; d < D; ++d) {
      dq[d] += ds * k[j * D + d];
      dk[j * D + d] += ds * q[d];
      dv[j * D + d] += p * dy[d];
    }
  }
}
