// Plain loops in double over one image, as a reference for experts and gates.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "nn/module.h"

namespace camo::test {

using Numbers = std::vector<double>;
using Parameters = std::map<std::string, Numbers>;

inline Numbers numbers(const Tensor& t) { return to_vector<double>(cast(t, DType::f64)); }

inline Parameters parameters_of(const nn::Module& module) {
  Parameters out;
  for (const nn::Parameter& p : module.named_parameters()) out[p.name] = numbers(p.var.value());
  return out;
}

/// A map (H, W, C), channels last.
struct Map {
  int H = 0, W = 0, C = 0;
  Numbers v;
  Map(int H, int W, int C) : H(H), W(W), C(C), v(size_t(H * W * C)) {}
  Map(int H, int W, int C, Numbers v) : H(H), W(W), C(C), v(std::move(v)) {}
  double& at(int h, int w, int c) { return v[size_t((h * W + w) * C + c)]; }
  double at(int h, int w, int c) const { return v[size_t((h * W + w) * C + c)]; }
  double or_zero(int h, int w, int c) const { return h < 0 || w < 0 || h >= H || w >= W ? 0 : at(h, w, c); }
};

template <class F> Map each(Map x, F f) {
  for (double& a : x.v) a = f(a);
  return x;
}
template <class F> Map each(Map x, const Map& y, F f) {
  for (size_t i = 0; i < x.v.size(); ++i) x.v[i] = f(x.v[i], y.v[i]);
  return x;
}
inline double gelu1(double a) { return 0.5 * a * (1 + std::erf(a / std::sqrt(2.0))); }
inline double sigmoid1(double a) { return 1 / (1 + std::exp(-a)); }

/// weight (O, k, k, C / groups); pads with zeros to keep the size of the map.
inline Map conv(const Map& x, const Numbers& weight, const Numbers& bias, int O, int k, int dilation = 1,
                int groups = 1) {
  Map y(x.H, x.W, O);
  const int I = x.C / groups, middle = k / 2;
  for (int h = 0; h < x.H; ++h)
    for (int w = 0; w < x.W; ++w)
      for (int o = 0; o < O; ++o) {
        double s = bias.empty() ? 0 : bias[size_t(o)];
        for (int a = 0; a < k; ++a)
          for (int b = 0; b < k; ++b)
            for (int i = 0; i < I; ++i)
              s += weight[size_t(((o * k + a) * k + b) * I + i)] *
                   x.or_zero(h + (a - middle) * dilation, w + (b - middle) * dilation, o / (O / groups) * I + i);
        y.at(h, w, o) = s;
      }
  return y;
}

/// These apply the parameters below `name` to x: a 1 x 1 convolution, a depthwise convolution, a norm over channels.
inline Map linear(const Parameters& p, const std::string& name, const Map& x) {
  const Numbers& weight = p.at(name + ".weight");
  const auto bias = p.find(name + ".bias");
  return conv(x, weight, bias == p.end() ? Numbers{} : bias->second, int(weight.size()) / x.C, 1);
}
inline Map depthwise(const Parameters& p, const std::string& name, const Map& x, int k, int dilation = 1) {
  return conv(x, p.at(name + ".weight"), p.at(name + ".bias"), x.C, k, dilation, x.C);
}
inline Map norm(const Parameters& p, const std::string& name, const Map& x) {
  const Numbers &gain = p.at(name + ".weight"), &bias = p.at(name + ".bias");
  Map y = x;
  for (int h = 0; h < x.H; ++h)
    for (int w = 0; w < x.W; ++w) {
      double mean = 0, variance = 0;
      for (int c = 0; c < x.C; ++c) mean += x.at(h, w, c) / x.C;
      for (int c = 0; c < x.C; ++c) variance += (x.at(h, w, c) - mean) * (x.at(h, w, c) - mean) / x.C;
      for (int c = 0; c < x.C; ++c)
        y.at(h, w, c) = gain[size_t(c)] * (x.at(h, w, c) - mean) / std::sqrt(variance + 1e-6) + bias[size_t(c)];
    }
  return y;
}
inline Map pointwise(const Parameters& p, const std::string& name, const Map& x) {
  return each(norm(p, name + ".norm", linear(p, name + ".conv", x)), gelu1);
}

inline Map box_mean(const Map& x, int k) {
  return conv(x, Numbers(size_t(x.C * k * k), 1.0 / (k * k)), {}, x.C, k, 1, x.C);
}

inline Map adaptive(const Map& x, int H, int W) {
  Map y(H, W, x.C);
  for (int h = 0; h < H; ++h)
    for (int w = 0; w < W; ++w)
      for (int c = 0; c < x.C; ++c) {
        const int top = h * x.H / H, below = ((h + 1) * x.H + H - 1) / H;
        const int left = w * x.W / W, right = ((w + 1) * x.W + W - 1) / W;
        for (int a = top; a < below; ++a)
          for (int b = left; b < right; ++b) y.at(h, w, c) += x.at(a, b, c) / ((below - top) * (right - left));
      }
  return y;
}

/// Bilinear, half-pixel centres, clamped at the edges.
inline Map resize(const Map& x, int H, int W) {
  Map y(H, W, x.C);
  auto place = [](int i, int from, int to) { return std::clamp((i + 0.5) * from / to - 0.5, 0.0, from - 1.0); };
  for (int h = 0; h < H; ++h)
    for (int w = 0; w < W; ++w) {
      const double fh = place(h, x.H, H), fw = place(w, x.W, W);
      const int a = int(fh), b = int(fw), a1 = std::min(a + 1, x.H - 1), b1 = std::min(b + 1, x.W - 1);
      for (int c = 0; c < x.C; ++c)
        y.at(h, w, c) = (1 - (fh - a)) * ((1 - (fw - b)) * x.at(a, b, c) + (fw - b) * x.at(a, b1, c)) +
                        (fh - a) * ((1 - (fw - b)) * x.at(a1, b, c) + (fw - b) * x.at(a1, b1, c));
    }
  return y;
}

inline Map side_by_side(const std::vector<Map>& parts) {
  int C = 0;
  for (const Map& p : parts) C += p.C;
  Map y(parts[0].H, parts[0].W, C);
  for (int h = 0; h < y.H; ++h)
    for (int w = 0; w < y.W; ++w) {
      int to = 0;
      for (const Map& p : parts)
        for (int c = 0; c < p.C; ++c) y.at(h, w, to++) = p.at(h, w, c);
    }
  return y;
}

/// Attention of every pixel of q over all pixels of k and v.
inline Map attend(const Map& q, const Map& k, const Map& v, int heads) {
  Map y(q.H, q.W, q.C);
  const int D = q.C / heads, M = k.H * k.W;
  for (int n = 0; n < q.H * q.W; ++n)
    for (int head = 0; head < heads; ++head) {
      Numbers weight(static_cast<size_t>(M));
      double all = 0;
      for (int m = 0; m < M; ++m) {
        double score = 0;
        for (int d = head * D; d < (head + 1) * D; ++d) score += q.v[size_t(n * q.C + d)] * k.v[size_t(m * k.C + d)];
        all += weight[size_t(m)] = std::exp(score / std::sqrt(double(D)));
      }
      for (int m = 0; m < M; ++m)
        for (int d = head * D; d < (head + 1) * D; ++d)
          y.v[size_t(n * q.C + d)] += weight[size_t(m)] / all * v.v[size_t(m * v.C + d)];
    }
  return y;
}

}  // namespace camo::test
