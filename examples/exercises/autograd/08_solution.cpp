double log_sum_exp(const double* x, int64_t n) {
  const double top = *std::max_element(x, x + n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - top);
  return top + std::log(sum);
}

void log_sum_exp_backward(const double* x, int64_t n, double dy, double* dx) {
  const double y = log_sum_exp(x, n);
  for (int64_t i = 0; i < n; ++i) dx[i] = dy * std::exp(x[i] - y);
}
