// Every expert as plain loops over one image: what tests compare the experts with.
// Read next: naive_map.h, the loops.
#pragma once

#include <cmath>

#include "tests/moe/naive_map.h"

namespace camo::test::definition {

inline double add1(double a, double b) { return a + b; }
inline double subtract1(double a, double b) { return a - b; }
inline double times1(double a, double b) { return a * b; }

inline Map fixed(const Map& x, const Numbers& taps) {
  Numbers weight;
  for (int c = 0; c < x.C; ++c) weight.insert(weight.end(), taps.begin(), taps.end());
  return conv(x, weight, {}, x.C, 3, 1, x.C);
}
inline Map sobel_x(const Map& x) { return fixed(x, {-1, 0, 1, -2, 0, 2, -1, 0, 1}); }
inline Map sobel_y(const Map& x) { return fixed(x, {-1, -2, -1, 0, 0, 0, 1, 2, 1}); }
inline Map laplacian(const Map& x) { return fixed(x, {0, 1, 0, 1, -4, 1, 0, 1, 0}); }
inline Map squared(const Map& x) { return each(x, x, times1); }
/// sqrt(a + small)
inline Map root(const Map& a, double small) {
  return each(a, [=](double v) { return std::sqrt(v + small); });
}

/// sigmoid(W2 gelu(W1 mean)) of each channel, times x.
inline Map gated(const Parameters& p, const Map& x, const Map& seen) {
  Map gate = each(linear(p, "excite", each(linear(p, "squeeze", adaptive(seen, 1, 1)), gelu1)), sigmoid1);
  return each(x, resize(gate, x.H, x.W), times1);
}

inline Map cod_texture(const Parameters& p, const Map& x) {
  std::vector<Map> parts;
  int dilation = 1;
  for (std::string branch : {"near", "mid", "far", "farther"}) {
    Map y = depthwise(p, branch + ".filter", linear(p, branch + ".squeeze", x), 3, dilation);
    parts.push_back(each(norm(p, branch + ".norm", y), gelu1));
    dilation *= 2;
  }
  return pointwise(p, "fuse", side_by_side(parts));
}

inline Map cod_frequency(const Parameters& p, const Map& x) {
  Map low = box_mean(x, 3), lower = box_mean(x, 5);
  return pointwise(p, "fuse",
                   side_by_side({pointwise(p, "low", low), pointwise(p, "mid", each(low, lower, subtract1)),
                                 pointwise(p, "high", each(x, low, subtract1)), pointwise(p, "all", x)}));
}

inline Map cod_edge(const Parameters& p, const Map& x) {
  Map slope2 = each(squared(sobel_x(x)), squared(sobel_y(x)), add1), bend = laplacian(x);
  return pointwise(
      p, "fuse",
      side_by_side({pointwise(p, "slope", root(slope2, 1e-6)), pointwise(p, "curve", root(squared(bend), 0)),
                    pointwise(p, "both", root(each(slope2, squared(bend), add1), 1e-6)), pointwise(p, "all", x)}));
}

inline Map cod_contrast(const Parameters& p, const Map& x) {
  std::vector<Map> parts;
  int k = 3;
  for (std::string branch : {"small", "medium", "large"}) {
    Map centre = linear(p, branch + ".squeeze", x);
    Map y = each(centre, depthwise(p, branch + ".surround", centre, k), subtract1);
    parts.push_back(each(norm(p, branch + ".norm", y), gelu1));
    k += 2;
  }
  parts.push_back(pointwise(p, "all", x));
  return pointwise(p, "fuse", side_by_side(parts));
}

inline Map cod_attention(const Parameters& p, const Map& x) {
  Map tokens = norm(p, "norm", adaptive(x, 7, 7));
  Map seen = attend(linear(p, "query", x), linear(p, "key", tokens), linear(p, "value", tokens), 2);
  return pointwise(p, "fuse", side_by_side({seen, pointwise(p, "all", x)}));
}

inline Map cod_hybrid(const Parameters& p, const Map& x) {
  return pointwise(p, "fuse", gated(p, pointwise(p, "local", depthwise(p, "filter", x, 5)), x));
}

inline Map texture(const Parameters& p, const Map& x) {
  std::vector<Map> parts;
  int dilation = 0;
  for (std::string branch : {"near", "mid", "far", "farther"}) {
    Map y = linear(p, branch + ".squeeze", x);
    y = conv(y, p.at(branch + ".filter.weight"), p.at(branch + ".filter.bias"), y.C, 3, ++dilation);
    parts.push_back(each(norm(p, branch + ".norm", y), gelu1));
  }
  return pointwise(p, "fuse", side_by_side(parts));
}

inline Map attention_expert(const Parameters& p, const Map& x) {
  int heads = 8;
  while (x.C % heads) --heads;
  const Map seen = x.H * x.W > 32 * 32 ? adaptive(x, 11, 11) : x;
  auto part = [&](const Map& of, int which) {
    Map all = linear(p, "encoder.qkv", of), y(of.H, of.W, x.C);
    for (int h = 0; h < of.H; ++h)
      for (int w = 0; w < of.W; ++w)
        for (int c = 0; c < x.C; ++c) y.at(h, w, c) = all.at(h, w, which * x.C + c);
    return y;
  };
  return linear(p, "encoder.proj", attend(part(x, 0), part(seen, 1), part(seen, 2), heads));
}

inline Map hybrid(const Parameters& p, const Map& x) {
  Map local = each(linear(p, "local", norm(p, "norm", depthwise(p, "filter", x, 5))), gelu1);
  return linear(p, "fuse", gated(p, local, x));
}

inline Map four_views(const Parameters& p, const std::string& name, const std::vector<Map>& views) {
  std::vector<Map> parts;
  for (const char* part : {".first", ".second", ".third", ".fourth"})
    parts.push_back(pointwise(p, name + part, views[parts.size()]));
  return pointwise(p, name + ".fuse", side_by_side(parts));
}

inline Map frequency(const Parameters& p, const Map& x) {
  Map low = box_mean(x, 3), lower = box_mean(x, 5);
  return four_views(p, "bands", {low, each(low, lower, subtract1), each(x, low, subtract1), x});
}

inline Map edge(const Parameters& p, const Map& x) {
  Map slope = root(each(squared(sobel_x(x)), squared(sobel_y(x)), add1), 1e-8);
  Map curve = root(squared(laplacian(x)), 0);
  return four_views(p, "edges", {slope, curve, root(each(squared(slope), squared(curve), add1), 1e-8), x});
}

inline Map context(const Parameters& p, const Map& x) {
  std::vector<Map> parts;
  int side = 8;
  for (const char* level : {"fine", "mid", "coarse", "whole"}) {
    parts.push_back(resize(pointwise(p, level, adaptive(x, side, side)), x.H, x.W));
    side /= 2;
  }
  return pointwise(p, "fuse", side_by_side(parts));
}

inline Map contrast(const Parameters& p, const Map& x) {
  Map local = each(norm(p, "norm", depthwise(p, "filter", x, 3)), gelu1);
  return pointwise(p, "fuse", norm(p, "mix_norm", linear(p, "mix", local)));
}

// ---- the families, in the order of moe/experts.cpp

using Definition = Map (*)(const Parameters&, const Map&);
using Definitions = std::vector<std::pair<std::string, Definition>>;

inline Definitions of_cod() {
  return {{"texture", cod_texture},   {"frequency", cod_frequency}, {"edge", cod_edge},
          {"contrast", cod_contrast}, {"attention", cod_attention}, {"hybrid", cod_hybrid}};
}

inline Definitions of_generic() {
  return {{"texture", texture},  {"attention", attention_expert},
          {"hybrid", hybrid},    {"frequency", frequency},
          {"edge", edge},        {"context", context},
          {"contrast", contrast}};
}

}  // namespace camo::test::definition
