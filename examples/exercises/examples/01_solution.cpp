Numbers gradient(const Numbers& p, const Numbers& t, const Numbers& w) {
  double both = 0, sum = 0;
  for (size_t i = 0; i < p.size(); ++i) both += w[i] * p[i] * t[i], sum += w[i] * (p[i] + t[i]);
  const double either = sum - both, overlap = (both + 1) / (either + 1);
  Numbers out;
  for (size_t i = 0; i < p.size(); ++i) out.push_back(w[i] / (either + 1) * (t[i] == 1 ? -1 : overlap));
  return out;
}
