float sum(const float* x, int64_t n, int, const Run& run) {
  constexpr int64_t kPiece = 1024;
  std::vector<float> parts(size_t((n + kPiece - 1) / kPiece));
  run(int64_t(parts.size()), [&](int64_t i) {
    for (int64_t k = i * kPiece; k < std::min(n, (i + 1) * kPiece); ++k) parts[size_t(i)] += x[k];
  });
  for (size_t step = 1; step < parts.size(); step *= 2)
    for (size_t i = 0; i + step < parts.size(); i += 2 * step) parts[i] += parts[i + step];
  return parts.empty() ? 0 : parts[0];
}
