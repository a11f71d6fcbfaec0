// Helpers of the checks: compare a number with its limit, compare tensors, find errors in a route.
#pragma once

#include <algorithm>
#include <cmath>

#include "moe/verify/verify.h"

namespace camo::moe::checks {

constexpr double kRounding = 1e-6;     // of an f32 result that is summed in another order
constexpr double kSignificant = 0.01;  // a p-value: what is not there is found one time in a hundred

inline Var rows_slice(const Var& x, int64_t begin, int64_t end) { return slice(x, 0, begin, end); }
inline double norm(const Tensor& x) { return std::sqrt(sum_of_squares(x)); }

/// |a - b| / max(|b|, least); an undefined gradient counts as zero.
inline double relative_error(const Tensor& a, const Tensor& b, double least = 0) {
  if (!a.defined() && !b.defined()) return 0;
  if (!a.defined() || !b.defined()) return norm(a.defined() ? a : b) > least ? 1 : 0;
  const double size = std::max(norm(b), least), error = norm(a - b);
  return !std::isfinite(error) ? INFINITY : size > 0 ? error / size : error;
}

/// A check that passes if measured <= limit.
inline Check within(const char* name, const std::string& where, double measured, double limit, std::string sentence) {
  const bool good = measured <= limit;  // false for NaN
  return {name, where, good ? Verdict::passed : Verdict::failed, measured, limit, std::move(sentence)};
}

inline Check skipped(const char* name, const std::string& where, std::string why) {
  return {name, where, Verdict::skipped, 0, 0, std::move(why)};
}

/// Runs a check; an exception counts as failure.
inline Check guarded(const char* name, const std::string& where, const std::function<Check()>& f) {
  try {
    return f();
  } catch (const Error& e) {
    return {name, where, Verdict::failed, INFINITY, 0, e.what()};
  }
}

/// What is wrong with a row of a route, and its index; -1 if nothing is wrong.
struct Flaw {
  int64_t row = -1;
  std::string what;
  bool finite = true;    // no weight is NaN or infinite
  double worst_sum = 0;  // |sum of weights - 1|
};

Flaw flaw(const Route& route, int64_t experts);

/// (R, experts): the weight of each expert for each row, 0 if not chosen.
inline std::vector<double> weights_by_expert(const Route& route, int64_t experts) {
  const int64_t R = route.expert.dim(0), K = route.expert.dim(1);
  std::vector<int64_t> e = to_vector<int64_t>(route.expert);
  std::vector<double> w = to_vector<double>(route.weight.value()), out(size_t(R * experts), 0.0);
  for (int64_t i = 0; i < R * K; ++i)
    if (0 <= e[i] && e[i] < experts) out[i / K * experts + e[i]] += w[i];
  return out;
}

inline double largest_difference(const std::vector<double>& a, const double* b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::isfinite(a[i] - b[i]) ? std::abs(a[i] - b[i]) : 1);
  return worst;
}

/// The dispatch check takes x (B, H, W, C); the balance check takes the rows of B images.
Check dispatch_check(Moe& layer, const Tensor& x);
Check balance_check(Moe& layer, const Var& rows, int64_t B);

}  // namespace camo::moe::checks
