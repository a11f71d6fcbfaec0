__global__ void norm(const float* x, int64_t C, float* y) {
  const float* row = x + int64_t(blockIdx.x) * C;
  float sum = 0, squares = 0;
  for (int64_t c = threadIdx.x; c < C; c += blockDim.x) sum += row[c];
  const float mean = block_sum(sum) / float(C);
  for (int64_t c = threadIdx.x; c < C; c += blockDim.x) squares += (row[c] - mean) * (row[c] - mean);
  const float scale = 1 / std::sqrt(block_sum(squares) / float(C) + 1e-6f);
  for (int64_t c = threadIdx.x; c < C; c += blockDim.x) y[int64_t(blockIdx.x) * C + c] = (row[c] - mean) * scale;
}
