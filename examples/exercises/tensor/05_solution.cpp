void tile(const float* a, int64_t lda, const float* b, int64_t ldb, int64_t K, float* c, int64_t ldc) {
  constexpr int64_t S = Vec<float>::size;
  Vec<float> sums[4][2];
  for (auto& row : sums) row[0] = row[1] = Vec<float>(0);
  for (int64_t k = 0; k < K; ++k) {
    const Vec<float> first = Vec<float>::load(b + k * ldb), second = Vec<float>::load(b + k * ldb + S);
    for (int r = 0; r < 4; ++r) {
      const Vec<float> x(a[r * lda + k]);
      sums[r][0] += x * first;
      sums[r][1] += x * second;
    }
  }
  for (int r = 0; r < 4; ++r) sums[r][0].store(c + r * ldc), sums[r][1].store(c + r * ldc + S);
}
