void move_balance(std::vector<double>& balance, const std::vector<int64_t>& load, double rate) {
  int64_t all = 0;
  for (int64_t n : load) all += n;
  for (size_t e = 0; e < load.size(); ++e) {
    const int64_t lack = all - int64_t(load.size()) * load[e];
    balance[e] += lack > 0 ? rate : lack < 0 ? -rate : 0;
  }
}
