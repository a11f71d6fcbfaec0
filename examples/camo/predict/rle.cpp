#include "examples/camo/predict/rle.h"

#include <algorithm>

#include "examples/camo/predict/contours.h"

namespace camo::program {
namespace {

constexpr int64_t kLongestRun = int64_t(1) << 50;
constexpr int kGroupBits = 5;
constexpr int64_t kGroupMask = 31, kSignBit = 16, kMore = 32;
constexpr char kFirstCharacter = '0';
constexpr size_t kPlainRuns = 3;  // from here on differences are written

}  // namespace

std::vector<int64_t> run_lengths(const Tensor& mask) {
  check_plane("run_lengths", mask);
  const int64_t H = mask.dim(0), W = mask.dim(1);
  const uint8_t* m = mask.read<uint8_t>();
  std::vector<int64_t> runs(1);
  bool object = false;
  for (int64_t x = 0; x < W; ++x)
    for (int64_t y = 0; y < H; ++y) {
      if ((m[y * W + x] != 0) != object) object = !object, runs.push_back(0);
      ++runs.back();
    }
  return runs;
}

Tensor mask_of_runs(const std::vector<int64_t>& runs, int64_t height, int64_t width) {
  const int64_t pixels = height * width;
  Tensor out = zeros({height, width, 1}, DType::u8);
  uint8_t* m = out.write<uint8_t>();
  int64_t at = 0;
  for (size_t i = 0; i < runs.size(); ++i) {
    check<DataError>(runs[i] >= 0 && runs[i] <= pixels - at, "mask_of_runs: run ", i, " of ", runs[i],
                     " pixels does not fit ", height, " x ", width);
    for (const int64_t end = at + runs[i]; at < end; ++at)
      if (i % 2 == 1) m[at % height * width + at / height] = 255;
  }
  check<DataError>(at == pixels, "mask_of_runs: the runs have ", at, " pixels, the mask ", height, " x ", width);
  return out;
}

std::string to_counts(const std::vector<int64_t>& runs) {
  std::string out;
  for (size_t i = 0; i < runs.size(); ++i) {
    int64_t x = i < kPlainRuns ? runs[i] : runs[i] - runs[i - 2];
    for (bool more = true; more;) {
      const int64_t group = x & kGroupMask;
      x >>= kGroupBits;
      more = x != (group & kSignBit ? -1 : 0);
      out += char(kFirstCharacter + (group | (more ? kMore : 0)));
    }
  }
  return out;
}

std::vector<int64_t> parse_counts(const std::string& counts) {
  std::vector<int64_t> runs;
  int64_t x = 0;
  int shift = 0;
  for (char c : counts) {
    const int64_t group = int64_t(c) - kFirstCharacter;
    check<DataError>(group >= 0 && group < 2 * kMore && shift < 60, "parse_counts: no text of run lengths: ", counts);
    x |= (group & kGroupMask) << shift;
    shift += kGroupBits;
    if (group & kMore) continue;
    if (group & kSignBit) x -= int64_t(1) << shift;
    runs.push_back(runs.size() < kPlainRuns ? x : x + runs[runs.size() - 2]);
    check<DataError>(runs.back() >= 0 && runs.back() < kLongestRun, "parse_counts: no text of run lengths: ", counts);
    x = 0, shift = 0;
  }
  check<DataError>(shift == 0, "parse_counts: the text ends within a number: ", counts);
  return runs;
}

}  // namespace camo::program
