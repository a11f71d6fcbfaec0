void product_backward(const double* A, const double* B, const double* dY, int64_t M, int64_t N, int64_t K, double* dA,
                      double* dB) {
  for (int64_t m = 0; m < M; ++m)
    for (int64_t k = 0; k < K; ++k)
      for (int64_t n = 0; n < N; ++n) {
        dA[m * K + k] += dY[m * N + n] * B[k * N + n];
        dB[k * N + n] += dY[m * N + n] * A[m * K + k];
      }
}
