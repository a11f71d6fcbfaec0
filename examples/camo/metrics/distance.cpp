#include "examples/camo/metrics/distance.h"

#include <cstddef>

namespace camo::program {
namespace {

constexpr int32_t kNone = -1;

/// The nearest row of the mask within each column, the upper one of two.  kNone if a column has none.
std::vector<int32_t> nearest_rows(const uint8_t* inside, int64_t height, int64_t width) {
  std::vector<int32_t> near(size_t(height * width)), seen(size_t(width), kNone);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) near[y * width + x] = seen[x] = inside[y * width + x] ? int32_t(y) : seen[x];
  for (int32_t& s : seen) s = kNone;
  for (int64_t y = height; y-- > 0;)
    for (int64_t x = 0; x < width; ++x) {
      const int32_t above = near[y * width + x], below = seen[x] = above == y ? int32_t(y) : seen[x];
      const bool nearer = above == kNone || (below != kNone && below - y < y - above);
      near[y * width + x] = nearer ? below : above;
    }
  return near;
}

}  // namespace

Nearest nearest_inside(const uint8_t* inside, int64_t height, int64_t width) {
  const std::vector<int32_t> near = nearest_rows(inside, height, width);
  std::vector<int64_t> columns;  // columns with a pixel of the mask; only they have a parabola
  for (int64_t x = 0; x < width; ++x)
    if (near[x] != kNone) columns.push_back(x);

  Nearest out{std::vector<int32_t>(near.size()), std::vector<int32_t>(near.size())};
  std::vector<int64_t> site(columns.size() + 1), start(columns.size() + 1);
  for (int64_t y = 0; y < height; ++y) {
    const int32_t* rows = near.data() + y * width;
    auto height_at = [&](int64_t c) { return (y - rows[c]) * (y - rows[c]); };
    auto square = [&](int64_t x, int64_t c) { return (x - c) * (x - c) + height_at(c); };
    // Site k is the nearest from start[k] on.  A later column replaces it only if it is strictly nearer.
    size_t sites = 0;
    for (int64_t c : columns) {
      while (sites && square(start[sites - 1], site[sites - 1]) > square(start[sites - 1], c)) --sites;
      int64_t from = 0;
      if (sites) {
        const int64_t s = site[sites - 1];
        from = 1 + (c * c - s * s + height_at(c) - height_at(s)) / (2 * (c - s));
        if (from >= width) continue;
      }
      site[sites] = c, start[sites++] = from;
    }
    start[sites] = width;
    for (size_t k = 0; k < sites; ++k)
      for (int64_t x = start[k]; x < start[k + 1]; ++x)
        out.row[y * width + x] = rows[site[k]], out.column[y * width + x] = int32_t(site[k]);
  }
  return out;
}

}  // namespace camo::program
