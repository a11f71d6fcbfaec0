int64_t predicted_bytes() {
  const int64_t norm = 100 * 64 + 2 * 100 + 64 + 64;  // x, mean and deviation of each row, gain, bias
  const int64_t products = 256 * 64 + 64 * 256;       // W1 and W2, for the gradients of what comes before them
  const int64_t gelu = 100 * 256;                     // its input
  return 4 * (norm + products + gelu);
}
