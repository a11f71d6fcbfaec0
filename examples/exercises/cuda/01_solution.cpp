__device__ Best warp_best(float x, int lane) {
  Best mine{x, lane};
  for (int step = 16; step; step /= 2) {
    const Best other{__shfl_xor_sync(~0u, mine.value, step), __shfl_xor_sync(~0u, mine.lane, step)};
    if (other.value > mine.value || (other.value == mine.value && other.lane < mine.lane)) mine = other;
  }
  return mine;
}
