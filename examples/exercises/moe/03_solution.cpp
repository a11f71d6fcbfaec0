Packed pack(const std::vector<int64_t>& expert, int64_t K, int64_t experts) {
  Packed out{std::vector<int64_t>(expert.size()), std::vector<int64_t>(size_t(experts + 1)),
             std::vector<int64_t>(expert.size())};
  for (int64_t e : expert) ++out.begin[size_t(e + 1)];
  for (size_t e = 0; e < size_t(experts); ++e) out.begin[e + 1] += out.begin[e];
  std::vector<int64_t> next = out.begin;
  for (size_t i = 0; i < expert.size(); ++i) {
    out.position[i] = next[size_t(expert[i])]++;
    out.source[size_t(out.position[i])] = int64_t(i) / K;
  }
  return out;
}
