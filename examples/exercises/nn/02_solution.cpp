double move(State& state, double g, double rate) {
  state.m = 0.9 * state.m + 0.1 * g;
  state.v = 0.999 * state.v + 0.001 * g * g;
  ++state.steps;
  const double m = state.m / (1 - std::pow(0.9, state.steps)), v = state.v / (1 - std::pow(0.999, state.steps));
  return -rate * m / std::sqrt(v);
}
