void two_outputs(const Counted* d, const Counted* g, Counted* y) {
  const Counted m1 = (d[0] - d[2]) * g[0], m2 = (d[1] + d[2]) * half(g[0] + g[1] + g[2]);
  const Counted m3 = (d[2] - d[1]) * half(g[0] - g[1] + g[2]), m4 = (d[1] - d[3]) * g[2];
  y[0] = m1 + m2 + m3;
  y[1] = m2 - m3 - m4;
}
