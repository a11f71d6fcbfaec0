__global__ void row_sums(const Watched& x, int64_t R, int64_t C, float* y) {
  const int64_t r = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
  const int lane = int(threadIdx.x) % 32;
  float sum = 0;
  for (int64_t c = lane; r < R && c < C; c += 32) sum += x.at(r * C + c);
  for (int step = 16; step; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  if (r < R && lane == 0) y[r] = sum;
}
