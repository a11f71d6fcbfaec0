void gate_backward(const double* w, const double* r, const double* dy, int64_t K, int64_t C, double* dz) {
  double mean = 0;
  for (int64_t k = 0; k < K; ++k) {
    dz[k] = 0;  // first the gradient of w_k
    for (int64_t c = 0; c < C; ++c) dz[k] += dy[c] * r[k * C + c];
    mean += w[k] * dz[k];
  }
  for (int64_t k = 0; k < K; ++k) dz[k] = w[k] * (dz[k] - mean);
}
