void norm_backward(const double* x, double mean, double r, const double* h, double* dx, int64_t n) {
  double mean_h = 0, mean_hx = 0;
  for (int64_t i = 0; i < n; ++i) {
    mean_h += h[i] / double(n);
    mean_hx += h[i] * (x[i] - mean) * r / double(n);
  }
  for (int64_t i = 0; i < n; ++i) dx[i] = r * (h[i] - mean_h - (x[i] - mean) * r * mean_hx);
}
