#include "examples/camo/data/splits.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "examples/camo/data/cache.h"
#include "examples/camo/data/check.h"
#include "examples/camo/data/loader.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace camo::program {

Splits hold_out(std::vector<Pair> pairs, double share, uint64_t seed) {
  int64_t n = int64_t(pairs.size());
  int64_t held = share > 0 && n > 1 ? std::clamp<int64_t>(std::llround(share * double(n)), 1, n - 1) : 0;
  std::vector<bool> is_held(pairs.size());
  std::vector<int64_t> order = shuffled(n, seed, -1);  // -1, because no epoch has this number
  for (int64_t i = 0; i < held; ++i) is_held[size_t(order[size_t(i)])] = true;
  Splits out;
  for (size_t i = 0; i < pairs.size(); ++i)
    (is_held[i] ? out.validation : out.train).pairs.push_back(std::move(pairs[i]));
  out.where = text(held, " of ", n, " training photographs held out by seed ", seed);
  return out;
}

namespace {

/// Marks the pairs whose mask is empty.
void mark_empty(std::vector<Pair>& pairs, const std::vector<PairVerdict>& verdicts) {
  for (size_t i = 0; i < pairs.size(); ++i) {
    check<DataError>(verdicts[i].problem.empty(), verdicts[i].problem);
    pairs[i].empty = verdicts[i].object == 0;
  }
}

std::vector<PairVerdict> look_at_masks_of(const std::vector<Pair>& pairs, const Reading& how) {
  std::vector<std::string> files;
  for (const Pair& p : pairs) files.push_back(p.mask);
  return look_at_masks(files, how);
}

}  // namespace

Splits find_splits(const TrainConfig& c) {
  if (c.data == "synthetic") {
    Splits out;
    Dataset::Synthetic s{uint64_t(c.seed), c.count, c.size.height, c.size.width, c.difficulty, true};
    out.train.synthetic = s;
    s.seed = ~s.seed, s.count = std::clamp<int64_t>(c.count / 10, 1, 64), s.fresh = false;
    if (c.hold_out > 0) out.validation.synthetic = s;
    out.where = "synthetic, of another seed";
    return out;
  }
  std::vector<Pair> pairs = find_pairs(c.data, {"Train", ""}, c.reading), validation;
  if (std::filesystem::is_directory(c.data)) validation = find_pairs(c.data, {"Val"}, c.reading, false);
  const std::string& where = c.data.empty() ? c.reading.images : c.data;
  if (c.check) {
    mark_empty(pairs, check_content(pairs, c.reading, threads(), where));
    check_content(validation, c.reading, threads(), where);
  } else if (c.empty_share < 1) {
    mark_empty(pairs, look_at_masks_of(pairs, c.reading));
  }
  Splits out;
  if (validation.empty()) {
    out = hold_out(std::move(pairs), c.hold_out, uint64_t(c.seed));
  } else {
    out.train.pairs = std::move(pairs), out.validation.pairs = std::move(validation);
    out.where = "the data's own split";
  }
  out.train.reading = out.validation.reading = c.reading;
  keep_decoded({&out.train, &out.validation}, c.cache, threads());
  return out;
}

std::string digest(const Dataset& data) {
  std::string names;
  for (const Pair& p : data.pairs) names += p.name + "\n";
  return text(std::hex, hash(names), std::dec, "-", data.size());
}

Dataset synthetic_test(const TrainConfig& c, int64_t count) {
  Dataset out;
  out.synthetic = Dataset::Synthetic{~uint64_t(c.seed) ^ 1, count, c.size.height, c.size.width, c.difficulty};
  return out;
}

}  // namespace camo::program
