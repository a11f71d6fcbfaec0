__device__ void product(const bf16* a, const bf16* b, int K, int lane, float* c) {
  FragmentC sums;
  for (int k = 0; k < K; k += 16)
    mma(sums, load_a(a + lane % 16 * K + k + lane / 16 * 8), load_b(b + (k + lane % 16) * 8));
  for (int i = 0; i < 4; ++i) c[FragmentC::row(lane, i) * 8 + FragmentC::column(lane, i)] = sums.sums[i];
}
