struct Running {
  double m = -std::numeric_limits<double>::infinity(), l = 0, y = 0;
  void take(double score, double value) {
    if (score > m) {
      const double shrink = std::exp(m - score);
      l *= shrink, y *= shrink, m = score;
    }
    l += std::exp(score - m);
    y += std::exp(score - m) * value;
  }
  double result() const { return y / l; }
};
