std::vector<float> pack(const std::vector<float>& B, int64_t K, int64_t N, int64_t width) {
  std::vector<float> out;
  for (int64_t p = 0; p < N; p += width)
    for (int64_t k = 0; k < K; ++k)
      for (int64_t j = 0; j < width; ++j) out.push_back(B[size_t(k * N + p + j)]);
  return out;
}
