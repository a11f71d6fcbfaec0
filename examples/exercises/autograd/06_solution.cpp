// [softmax]
void softmax_backward(const double* y, const double* dy, double* dx, int64_t n) {
  double s = 0;
  for (int64_t i = 0; i < n; ++i) s += dy[i] * y[i];
  for (int64_t i = 0; i < n; ++i) dx[i] = y[i] * (dy[i] - s);
}
// [/softmax]
