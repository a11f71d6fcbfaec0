#include "examples/camo/data/synth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "tensor/random.h"

namespace camo::program {
namespace {

using std::numbers::pi;

double mix(double a, double b, double t) { return a + (b - a) * t; }

/// Random bits for each point of a lattice, with murmur3's finaliser (Appleby).
uint32_t lattice_bits(int x, int y, uint32_t seed) {
  uint32_t h = seed + uint32_t(x) * 0x9e3779b1u + uint32_t(y) * 0x85ebca77u;
  h = (h ^ h >> 16) * 0x85ebca6bu;
  h = (h ^ h >> 13) * 0xc2b2ae35u;
  return h ^ h >> 16;
}
float lattice(int x, int y, uint32_t seed) { return uniform(lattice_bits(x, y, seed)); }

/// Value noise: smoothly interpolated lattice values, around 0.
float value_noise(float x, float y, uint32_t seed) {
  float fx = std::floor(x), fy = std::floor(y), u = x - fx, v = y - fy;
  int i = int(fx), j = int(fy);
  u = u * u * (3 - 2 * u), v = v * v * (3 - 2 * v);
  float top = lattice(i, j, seed) * (1 - u) + lattice(i + 1, j, seed) * u;
  float bottom = lattice(i, j + 1, seed) * (1 - u) + lattice(i + 1, j + 1, seed) * u;
  return top * (1 - v) + bottom * v - 0.5f;
}

/// Cellular noise: the difference of the distances to the two nearest of random points, one per cell.  Gives
/// ridges between cells.
float cells(float x, float y, uint32_t seed) {
  int i = int(std::floor(x)), j = int(std::floor(y));
  float first = 9, second = 9;
  for (int b = j - 1; b <= j + 1; ++b)
    for (int a = i - 1; a <= i + 1; ++a) {
      uint32_t bits = lattice_bits(a, b, seed);
      float dx = float(a) + float(bits & 0xffff) * 0x1p-16f - x, dy = float(b) + float(bits >> 16) * 0x1p-16f - y;
      float d = dx * dx + dy * dy;
      second = std::min(second, std::max(first, d));
      first = std::min(first, d);
    }
  return std::sqrt(second) - std::sqrt(first) - 0.35f;
}

/// A texture in the plane with mean about 0 and variance about 1.
struct Texture {
  uint32_t seed = 0;
  float along_x = 1, along_y = 0;  // direction of the stretch
  float along = 1, across = 1;     // cells per unit of length
  float shift_x = 0, shift_y = 0;
  float cell_part = 0.5f, gain = 0.5f;
  int octaves = 3;

  float at(float x, float y) const {
    float u = (along_x * x + along_y * y) * along + shift_x, v = (along_x * y - along_y * x) * across + shift_y;
    float fractal = 0, weight = 1, norm = 0, pu = u, pv = v;
    for (int k = 0; k < octaves; ++k, weight *= gain, pu *= 2, pv *= 2) {
      fractal += weight * value_noise(pu, pv, seed + uint32_t(k));
      norm += weight * weight;
    }
    fractal *= 4.8f / std::sqrt(norm);
    return (1 - cell_part) * fractal + cell_part * 4.2f * cells(u, v, seed + 77);
  }
};

/// The same texture, but rotated, finer, and shifted.
Texture turned(Texture t, double angle, double finer, Random& random) {
  float c = float(std::cos(angle)), s = float(std::sin(angle));
  float x = t.along_x;
  t.along_x = c * x - s * t.along_y, t.along_y = s * x + c * t.along_y;
  t.along *= float(finer), t.across *= float(finer);
  t.shift_x += float(random.uniform(40, 80)), t.shift_y += float(random.uniform(40, 80));
  return t;
}

/// A closed outline: the radius is a short Fourier series of the angle, on a rotated ellipse.
struct Outline {
  static constexpr int kWaves = 5;
  static constexpr double kFar = 0.06;  // beyond this distance from the outline only the side matters
  double x, y, radius, stretch, cosine, sine, swing = 0;
  std::array<double, kWaves> height, phase;

  /// Distance to the outline along the ray from the centre, in units of length; positive inside.
  double inside(double px, double py) const {
    double dx = px - x, dy = py - y;
    double u = (cosine * dx + sine * dy) / stretch, v = (cosine * dy - sine * dx) * stretch;
    double r = std::sqrt(u * u + v * v), edge = 1;
    if (r > radius * (1 + swing) + kFar) return -kFar;
    if (r < radius * (1 - swing) - kFar) return kFar;
    double angle = std::atan2(v, u);
    for (int k = 0; k < kWaves; ++k) edge += height[k] * std::cos((k + 2) * angle + phase[k]);
    return radius * edge - r;
  }
};

/// A random outline that covers about `area`, most of it within (0, 0)..(w, h).
Outline random_outline(Random& random, double area, double w, double h) {
  Outline o;
  o.radius = std::sqrt(area / pi);
  o.stretch = std::exp(random.uniform(-0.3, 0.3));
  const double turn = random.uniform(0, pi);
  o.cosine = std::cos(turn), o.sine = std::sin(turn);
  for (int k = 0; k < Outline::kWaves; ++k)
    o.height[k] = random.uniform(0, 0.28) / (k + 1), o.phase[k] = random.uniform(0, 2 * pi), o.swing += o.height[k];
  double margin_x = std::min(o.radius * 0.8, w * 0.45), margin_y = std::min(o.radius * 0.8, h * 0.45);
  o.x = random.uniform(margin_x, w - margin_x), o.y = random.uniform(margin_y, h - margin_y);
  return o;
}

/// Four colours from dark to light; four times out of five between orange and green, like ground and leaves.
using Palette = std::array<std::array<float, 3>, 4>;
Palette random_palette(Random& random) {
  Palette p;
  double hue = random.uniform() < 0.8 ? random.uniform(0.3, 2.3) : random.uniform(0, 2 * pi),
         chroma = random.uniform(8, 38);
  double low = random.uniform(35, 80), high = random.uniform(140, 215);
  for (int i = 0; i < 4; ++i) {
    double light = mix(low, high, i / 3.0), h = hue + random.uniform(-0.5, 0.5), c = chroma * random.uniform(0.6, 1.2);
    for (int k = 0; k < 3; ++k) p[i][k] = float(light + c * std::cos(h - 2 * pi * k / 3));
  }
  return p;
}

void paint(const Palette& p, float t, float light, float* rgb) {
  float at = std::clamp(t, 0.0f, 0.9999f) * 3;
  int i = int(at);
  for (int k = 0; k < 3; ++k) rgb[k] = (p[i][k] + (p[i + 1][k] - p[i][k]) * (at - float(i))) * light;
}

}  // namespace

SynthPair make_synthetic(uint64_t seed, uint64_t index, int64_t height, int64_t width, double difficulty) {
  check(height >= 16 && width >= 16, "make_synthetic: at least 16 pixels a side, got ", height, " x ", width);
  check<ConfigError>(difficulty >= 0 && difficulty <= 1, "make_synthetic: difficulty must lie in [0, 1], got ",
                     difficulty);
  Random random({.seed = seed, .domain = Domain::synth, .path = index});
  const double unit = double(std::min(height, width)), w = double(width) / unit, h = double(height) / unit;

  Texture ground;
  ground.seed = random.word();
  const double direction = random.uniform(0, pi), stretch = random.uniform(1.6, 2.2);
  const double size = std::exp(random.uniform(std::log(7), std::log(10)));  // cells per unit of length
  ground.along_x = float(std::cos(direction)), ground.along_y = float(std::sin(direction));
  ground.along = float(size / stretch), ground.across = float(size * stretch * 0.75);
  ground.cell_part = float(random.uniform(0.15, 0.6)), ground.gain = float(random.uniform(0.35, 0.6));
  const double side = random.uniform() < 0.5 ? 1 : -1;
  const double angle = side * mix(1.5, 0.6, difficulty) * random.uniform(0.85, 1.1);
  const double finer = std::exp(mix(0.9, 0.1, difficulty));
  const Texture object = turned(ground, angle, finer, random);
  const double recolour = mix(0.12, 0.02, difficulty) * (random.uniform() < 0.5 ? 1 : -1);
  const float contrast = float(random.uniform(0.15, 0.26)), middle = float(random.uniform(0.4, 0.6));
  const Palette palette = random_palette(random);
  const uint32_t light_seed = random.word(), grain_seed = random.word();
  const double soft = mix(0.006, 0.018, difficulty), shadow = mix(0.14, 0.02, difficulty);

  SynthPair out{empty({height, width, 3}, DType::u8), empty({height, width, 1}, DType::u8)};
  std::vector<float> cover(size_t(height * width)), rim(cover.size());
  for (int attempt = 0; attempt < 20; ++attempt) {  // until the part inside the picture has a fitting size
    const int count = random.uniform() < 0.3 ? 2 : 1;
    const double area = random.uniform(0.09, 0.28) * w * h / count;
    std::array<Outline, 2> outlines{random_outline(random, area, w, h), random_outline(random, area, w, h)};
    int64_t inside = 0;
    for (int64_t i = 0; i < height * width; ++i) {
      double x = (double(i % width) + 0.5) / unit, y = (double(i / width) + 0.5) / unit;
      double d = outlines[0].inside(x, y);
      if (count == 2) d = std::max(d, outlines[1].inside(x, y));
      inside += d > 0;
      cover[i] = float(std::clamp(0.5 + d / soft, 0.0, 1.0));
      rim[i] = float(shadow * std::exp(-d * d / (0.015 * 0.015)));
    }
    double part = double(inside) / double(height * width);
    if (part >= 0.05 && part <= 0.35) break;
  }

  uint8_t *image = out.image.write<uint8_t>(), *mask = out.mask.write<uint8_t>();
  for (int64_t i = 0; i < height * width; ++i) {
    float x = float((double(i % width) + 0.5) / unit), y = float((double(i / width) + 0.5) / unit), c = cover[i];
    float value = 0;
    if (c < 1) value += (1 - c) * ground.at(x, y);
    if (c > 0) value += c * (object.at(x, y) + float(recolour) / contrast);
    float light = (1 + 0.5f * value_noise(x * 2.2f, y * 2.2f, light_seed)) * (1 - rim[i]);
    float grain = 10 * (lattice(int(i % width), int(i / width), grain_seed) - 0.5f), rgb[3];
    paint(palette, middle + contrast * value, light, rgb);
    for (int k = 0; k < 3; ++k) image[3 * i + k] = uint8_t(std::clamp(rgb[k] + grain, 0.0f, 255.0f));
    mask[i] = c > 0.5f ? 255 : 0;
  }
  return out;
}

}  // namespace camo::program
