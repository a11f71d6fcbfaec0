__global__ void running_sums(const float* x, float* y) {
  SHARED(float, sum, [kBlock]);
  const int i = int(threadIdx.x);
  sum[i] = x[i];
  for (int step = 1; step < kBlock; step *= 2) {
    __syncthreads();
    const float left = i >= step ? sum[i - step] : 0;
    __syncthreads();  // others still read sum[i]
    sum[i] += left;
  }
  y[i] = sum[i];
}
