double share_of_start(double decay, int64_t updates) {
  double share = 1;
  for (int64_t t = 0; t < updates; ++t) share *= std::min(decay, double(1 + t) / double(10 + t));
  return share;
}
