double object_score(const std::vector<double>& x) {
  double mean = 0, squares = 0;
  for (double v : x) mean += v / double(x.size());
  for (double v : x) squares += (v - mean) * (v - mean);
  const double deviation = x.size() > 1 ? std::sqrt(squares / double(x.size() - 1)) : 0;
  return 2 * mean / (mean * mean + 1 + deviation);
}
