double slope(const std::function<double(double)>& f, double x) {
  constexpr double h = 2e-4;
  auto central = [&](double step) { return (f(x + step) - f(x - step)) / (2 * step); };
  return (4 * central(h) - central(2 * h)) / 3;
}
