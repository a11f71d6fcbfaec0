void sum_to_shape(const double* dy, int64_t M, int64_t N, double* dx, int64_t R, int64_t C) {
  std::fill_n(dx, R * C, 0.0);
  for (int64_t i = 0; i < M; ++i)
    for (int64_t j = 0; j < N; ++j) dx[(R == 1 ? 0 : i) * C + (C == 1 ? 0 : j)] += dy[i * N + j];
}
