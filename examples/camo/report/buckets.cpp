#include "examples/camo/report/buckets.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace camo::program {
namespace {

/// The bucket of the least number among all with the same upper 16 bits: sign, exponent and 7 bits of the fraction.
/// They differ by less than 1 %, buckets by 10 %, so a number is in this bucket or the next.
const std::vector<uint16_t>& first_buckets() {
  static const std::vector<uint16_t> out = [] {
    std::vector<uint16_t> first(1 << 16);
    const std::vector<double>& limits = bucket_limits();
    for (uint32_t upper = 0; upper < first.size(); ++upper) {
      const bool negative = upper >> 15;
      const double least = std::bit_cast<float>(upper << 16 | (negative ? 0xffff : 0));
      if (std::isfinite(least))
        first[upper] = uint16_t(std::upper_bound(limits.begin(), limits.end(), least) - limits.begin());
    }
    return first;
  }();
  return out;
}

}  // namespace

const std::vector<double>& bucket_limits() {
  static const std::vector<double> limits = [] {
    constexpr double kLeast = 1e-12, kMost = 1e20, kGrowth = 1.1;
    std::vector<double> positive, out;
    for (double limit = kLeast; limit < kMost; limit *= kGrowth) positive.push_back(limit);
    positive.push_back(std::numeric_limits<double>::max());
    for (size_t i = positive.size(); i-- > 0;) out.push_back(-positive[i]);
    out.push_back(0);
    out.insert(out.end(), positive.begin(), positive.end());
    return out;
  }();
  return limits;
}

void Buckets::add(const Tensor& x) {
  const std::vector<uint16_t>& first = first_buckets();
  const std::vector<double>& limits = bucket_limits();
  for (const float v : to_vector<float>(x)) {
    if (!std::isfinite(v)) {
      ++not_finite;
      continue;
    }
    size_t bucket = first[std::bit_cast<uint32_t>(v) >> 16];
    while (limits[bucket] <= v) ++bucket;
    ++count[bucket], ++finite;
    least = std::min(least, double(v)), most = std::max(most, double(v));
    sum += v, squares += double(v) * v;
  }
}

}  // namespace camo::program
