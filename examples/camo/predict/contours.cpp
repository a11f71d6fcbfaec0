#include "examples/camo/predict/contours.h"

#include <algorithm>
#include <map>

namespace camo::program {
namespace {

/// The number of each pixel's connected part, -1 for background, in the order of their first pixels; and how many.
std::pair<std::vector<int32_t>, int32_t> label_parts(const uint8_t* mask, int64_t H, int64_t W) {
  std::vector<int32_t> label(size_t(H * W), -1);
  std::vector<int64_t> open;
  int32_t parts = 0;
  for (int64_t first = 0; first < H * W; ++first) {
    if (!mask[first] || label[size_t(first)] >= 0) continue;
    const int32_t part = parts++;
    auto reach = [&](bool inside, int64_t i) {
      if (inside && mask[i] && label[size_t(i)] < 0) label[size_t(i)] = part, open.push_back(i);
    };
    for (reach(true, first); !open.empty();) {
      const int64_t i = open.back(), x = i % W;
      open.pop_back();
      reach(x > 0, i - 1), reach(x + 1 < W, i + 1), reach(i >= W, i - W), reach(i < (H - 1) * W, i + W);
    }
  }
  return {std::move(label), parts};
}

/// Corners of a walk.  Where it comes to a corner for the second time, the way since then is a ring of its own.
struct Walk {
  std::vector<Ring> rings;
  Ring corners;
  std::map<std::pair<int64_t, int64_t>, size_t> shared;  // where the walk may come again -> place among the corners

  void turn(Corner at, bool may_come_again) {
    if (may_come_again) {
      const auto [found, is_new] = shared.try_emplace({at.y, at.x}, corners.size());
      if (!is_new) {
        const auto first = corners.begin() + std::ptrdiff_t(found->second);
        rings.emplace_back(first, corners.end());
        corners.erase(first, corners.end());
      }
    }
    corners.push_back(at);
  }
};

struct Tracer {
  const uint8_t* mask;
  int64_t H, W;
  std::vector<bool> seen;  // upper sides of pixels that a walk has passed

  bool object(int64_t x, int64_t y) const { return x >= 0 && x < W && y >= 0 && y < H && mask[y * W + x]; }

  /// Walks around the object with the object on the right, as one sees it, from the upper side of pixel (x, y)
  /// eastward.
  std::vector<Ring> walk(int64_t x, int64_t y) {
    constexpr int kStepX[] = {1, 0, -1, 0}, kStepY[] = {0, 1, 0, -1};      // east, south, west, north
    constexpr int kPixelX[] = {0, 0, -1, -1}, kPixelY[] = {-1, 0, 0, -1};  // around a corner: NE, SE, SW, NW
    Walk walk;
    Corner at{x, y};
    int heading = 0;
    do {
      if (heading == 0) seen[size_t(at.y * W + at.x)] = true;
      at.x += kStepX[heading], at.y += kStepY[heading];
      const int left = heading, right = (heading + 1) % 4;
      const bool on_left = object(at.x + kPixelX[left], at.y + kPixelY[left]);
      const bool on_right = object(at.x + kPixelX[right], at.y + kPixelY[right]);
      if (on_right && !on_left) continue;
      heading = (heading + (on_right ? 3 : 1)) % 4;
      walk.turn(at, /*may_come_again=*/on_left && !on_right);
    } while (at != Corner{x, y} || heading != 0);
    walk.rings.push_back(std::move(walk.corners));
    return std::move(walk.rings);
  }
};

bool before(const Corner& a, const Corner& b) { return std::pair(a.y, a.x) < std::pair(b.y, b.x); }

}  // namespace

void check_plane(const char* op, const Tensor& x) {
  check<DTypeError>(x.dtype() == DType::u8, op, ": takes u8, got ", x.dtype());
  check(x.rank() == 3 && x.dim(2) == 1, op, ": takes (H, W, 1), got ", x.shape());
}

int64_t ring_area(const Ring& ring) {
  int64_t out = 0;  // sides are along the axes, so only the vertical ones count
  for (size_t i = 0; i < ring.size(); ++i) out += ring[i].x * (ring[(i + 1) % ring.size()].y - ring[i].y);
  return out;
}

std::vector<Polygon> contours(const Tensor& mask) {
  check_plane("contours", mask);
  const int64_t H = mask.dim(0), W = mask.dim(1);
  Tracer tracer{mask.read<uint8_t>(), H, W, std::vector<bool>(size_t(H * W))};
  const auto [label, parts] = label_parts(tracer.mask, H, W);
  std::vector<Polygon> out(size_t(parts), Polygon(1));
  for (int64_t y = 0; y < H; ++y)
    for (int64_t x = 0; x < W; ++x) {
      if (!tracer.object(x, y) || tracer.object(x, y - 1) || tracer.seen[size_t(y * W + x)]) continue;
      Polygon& part = out[size_t(label[size_t(y * W + x)])];
      for (Ring& ring : tracer.walk(x, y)) {
        std::rotate(ring.begin(), std::min_element(ring.begin(), ring.end(), before), ring.end());
        if (ring_area(ring) > 0) part[0] = std::move(ring);
        else part.push_back(std::move(ring));
      }
    }
  return out;
}

}  // namespace camo::program
