// Attention within windows: the kernels compared with plain loops, and both with explicit rolling, padding and cutting.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "tensor/cpu/kernels/attention_plain.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/tensor/bf16_units.h"

using namespace camo;
using test::relative_error;

namespace {

kernel::Windows windows(int64_t B, int64_t H, int64_t W, int64_t heads, int64_t D, const WindowSpec& size) {
  return {B, H, W, heads, D, size, (H + size.height - 1) / size.height, (W + size.width - 1) / size.width};
}

template <class T> void compare(const kernel::Windows& w, double tolerance) {
  const DType t = dtype_of<T>, stat = acc_dtype(t);
  const int64_t n = w.tokens(), C = w.channels();
  Tensor qkv = randn({w.B, w.H, w.W, 3 * C}, 1, t), pad = randn({3 * C}, 2, stat);
  Tensor bias = randn({w.heads, n, n}, 3, stat);
  Tensor dy = randn({w.B, w.H, w.W, C}, 4, t), rounded = cast(pad, t);
  Tensor y = empty_like(dy), dqkv = empty({w.rows() + w.pads(), 3 * C}, t), dbias = empty_like(bias);
  const T *x = qkv.read<T>(), *p = rounded.read<T>();
  const acc_t<T>* b = bias.read<acc_t<T>>();
  kernel::window_attention_plain(x, p, b, y.write<T>(), w);
  kernel::window_attention_backward_plain(dy.read<T>(), x, p, b, dqkv.write<T>(), dbias.write<acc_t<T>>(), w);
  WindowAttentionGrads g = window_attention_backward(dy, qkv, pad, bias, int(w.heads), w.size);
  INFO(t, " map ", w.H, " x ", w.W, ", window ", w.size.height, " x ", w.size.width, ", shift ", w.size.shift_y, ", ",
       w.size.shift_x, ", D ", w.D);
  CHECK(relative_error(window_attention(qkv, pad, bias, int(w.heads), w.size), y) <= tolerance);
  if (n == 1) return;  // with one key its probability is 1, whatever q, k and bias are
  CHECK(relative_error(g.dqkv, dqkv.slice(0, w.rows()).reshape(qkv.shape())) <= 2 * tolerance);
  CHECK(relative_error(g.dbias, dbias) <= 2 * tolerance);
  if (w.pads()) CHECK(relative_error(g.dpad, sum(cast(dqkv.slice(w.rows(), dqkv.dim(0)), stat), {0})) <= 2 * tolerance);
}

/// x[(i + shift) mod length] at i along an axis.
Tensor rolled(const Tensor& x, int axis, int64_t shift) {
  const int64_t length = x.dim(axis), by = ((shift % length) + length) % length;
  return concat({slice(x, axis, by, length), slice(x, axis, 0, by)}, axis);
}

/// (B, H, W, C) -> (B windows, n, C)
Tensor partition(const Tensor& x, int64_t h, int64_t w) {
  const int64_t B = x.dim(0), H = x.dim(1), W = x.dim(2), C = x.dim(3);
  return permute(x.reshape({B, H / h, h, W / w, w, C}), {0, 1, 3, 2, 4, 5}).reshape({B * (H / h) * (W / w), h * w, C});
}

/// Labels 0 ... 8 of the parts into which rolling divides a padded map.
Tensor parts(int64_t H, int64_t W, const WindowSpec& size) {
  std::vector<float> label;
  auto strip = [](int64_t at, int64_t length, int64_t window, int64_t shift) {
    return shift == 0 ? 0 : at < length - window ? 0 : at < length - shift ? 1 : 2;
  };
  for (int64_t y = 0; y < H; ++y)
    for (int64_t x = 0; x < W; ++x)
      label.push_back(float(3 * strip(y, H, size.height, size.shift_y) + strip(x, W, size.width, size.shift_x)));
  return from(label, {1, H, W, 1});
}

/// Explicit steps for one head in f64: roll, pad, cut, attend by matmul and softmax, reassemble.
Tensor step_by_step(const Tensor& qkv, const Tensor& pads, const Tensor& bias, const WindowSpec& size) {
  const int64_t H = qkv.dim(1), W = qkv.dim(2), D = qkv.dim(3) / 3, h = size.height, w = size.width;
  Tensor x = rolled(rolled(qkv, 1, size.shift_y), 2, size.shift_x);
  const int64_t down = (h - H % h) % h, right = (w - W % w) % w;
  Tensor fill = expand(pads, {1, H, right, 3 * D}), below = expand(pads, {1, down, W + right, 3 * D});
  x = concat({concat({x, fill}, 2), below}, 1);
  Tensor rows = partition(x, h, w), label = partition(parts(H + down, W + right, size), h, w);
  const int64_t count = rows.dim(0), n = h * w;
  Tensor mask = empty({count, n, n}, DType::f64);
  for (int64_t i = 0; i < mask.numel(); ++i) {
    const int64_t window = i / (n * n), a = window * n + i / n % n, b = window * n + i % n;
    mask.write<double>()[i] = label.read<float>()[a] == label.read<float>()[b] ? 0 : -100;
  }
  Tensor q = slice(rows, 2, 0, D), k = slice(rows, 2, D, 2 * D), v = slice(rows, 2, 2 * D, 3 * D);
  Tensor s = matmul(q, k, Trans::no, Trans::yes) * (1 / std::sqrt(double(D)));
  Tensor y = matmul(softmax(s + bias + mask), v);
  const int64_t down_count = (H + down) / h, across = (W + right) / w;
  y = permute(y.reshape({1, down_count, across, h, w, D}), {0, 1, 3, 2, 4, 5}).reshape({1, H + down, W + right, D});
  y = slice(slice(y, 1, 0, H), 2, 0, W);
  return rolled(rolled(y, 1, -size.shift_y), 2, -size.shift_x);
}

}  // namespace

TEST_CASE("window attention equals its definition") {
  for (int64_t D : {1, 3, 8, 16, 20, 32, 73}) {
    compare<float>(windows(2, 11, 9, 2, D, {7, 7, 3, 3}), 3e-6);
    compare<double>(windows(1, 8, 15, 1, D, {7, 7, 3, 3}), 1e-14);
    test::with_each_units([&](Bf16Units) { compare<bf16>(windows(2, 11, 9, 2, D, {7, 7, 3, 3}), 8e-3); });
  }
  for (int64_t h : {1, 2, 3, 4, 5, 8})
    for (int64_t w : {1, 3, 4, 11, 16}) {
      compare<float>(windows(1, 13, 17, 2, 5, {h, w}), 3e-6);
      compare<double>(windows(1, 3, 5, 2, 5, {h, w, h / 2, w - 1}), 1e-14);
    }
  compare<float>(windows(2, 33, 31, 3, 32, {7, 7, 3, 3}), 3e-6);
  for (const WindowSpec& size : {WindowSpec{7, 7, 3, 3}, {6, 6, 3, 3}, {5, 5}, {4, 3, 2, 1}, {1, 2}, {9, 8, 4, 4}})
    test::with_each_units([&](Bf16Units) { compare<bf16>(windows(2, 13, 17, 3, 32, size), 8e-3); });
}

TEST_CASE("bf16 window attention has the same bits for any number of threads, with any instructions") {
  const WindowSpec size{7, 7, 3, 3};
  const Tensor qkv = randn({2, 15, 16, 3 * 64}, 1, DType::bf16), pad = randn({3 * 64}, 2), bias = randn({2, 49, 49}, 3),
               dy = randn({2, 15, 16, 64}, 4, DType::bf16);
  auto run = [&](int threads) {
    set_threads(threads);
    WindowAttentionGrads g = window_attention_backward(dy, qkv, pad, bias, 2, size);
    std::vector<Tensor> out{window_attention(qkv, pad, bias, 2, size), g.dqkv, g.dpad, g.dbias};
    set_threads(0);
    return out;
  };
  test::with_each_units([&](Bf16Units) {
    const auto one = run(1);
    for (int threads : {2, 3}) {
      const auto many = run(threads);
      for (size_t i = 0; i < one.size(); ++i) CHECK(equal_bits(one[i], many[i]));
    }
  });
}

TEST_CASE("window attention equals explicit rolling, padding, cutting and reassembling") {
  const WindowSpec sizes[] = {{7, 7}, {7, 7, 3, 3}, {4, 3, 2, 1}, {3, 5, 0, 2}, {2, 2, 1, 0}, {6, 7, 3, 3}};
  const std::pair<int64_t, int64_t> maps[] = {{14, 14}, {11, 8}, {2, 3}, {7, 7}, {1, 20}};
  for (const WindowSpec& size : sizes)
    for (const auto& map : maps) {
      const int64_t H = map.first, W = map.second, n = size.height * size.width;
      Tensor qkv = randn({1, H, W, 12}, 1, DType::f64), pad = randn({12}, 2, DType::f64);
      Tensor bias = randn({1, n, n}, 3, DType::f64);
      INFO("map ", H, " x ", W, ", window of ", n, " tokens, shift ", size.shift_y, ", ", size.shift_x);
      CHECK(relative_error(window_attention(qkv, pad, bias, 1, size), step_by_step(qkv, pad, bias, size)) < 1e-14);
    }
}

TEST_CASE("a window that is not shifted depends only on itself") {
  Tensor qkv = randn({1, 14, 21, 24}, 1), pad = randn({24}, 2), bias = randn({2, 49, 49}, 3);
  Tensor before = window_attention(qkv, pad, bias, 2, {7, 7});
  for (int64_t c = 0; c < 24; ++c) qkv.write<float>()[(9 * 21 + 8) * 24 + c] += 1;  // in window (1, 1)
  Tensor after = window_attention(qkv, pad, bias, 2, {7, 7});
  for (int64_t i = 0; i < before.numel(); ++i) {
    const int64_t y = i / 8 / 21, x = i / 8 % 21;
    const bool same = before.read<float>()[i] == after.read<float>()[i];
    if (same == (y / 7 == 1 && x / 7 == 1)) FAIL_CHECK("row ", y, ", column ", x);
  }
}

TEST_CASE("a shift masks the right pairs: the last windows down and across, no others") {
  const kernel::Windows w = windows(1, 14, 14, 1, 1, {7, 7, 3, 3}), large = windows(1, 56, 56, 1, 1, {7, 7, 3, 3});
  auto masked = [](const kernel::Windows& w, int64_t window) {
    int count = 0;
    for (int64_t i = 0; i < 49; ++i)
      for (int64_t j = 0; j < 49; ++j) count += w.part(window, i) != w.part(window, j);
    return count;
  };
  const int truth[] = {0, 1176, 1176, 1776};
  for (int64_t i = 0; i < 4; ++i) CHECK(masked(w, i) == truth[i]);
  int mixed = 0;
  for (int64_t i = 0; i < 64; ++i) {
    mixed += large.mixed(i);
    CHECK(large.mixed(i) == (masked(large, i) > 0));
  }
  CHECK(mixed == 15);
}

TEST_CASE("large scores do not overflow, and a NaN stays in its window") {
  Tensor qkv = full({1, 4, 4, 12}, 100.0), pad = zeros({12}), bias = zeros({1, 4, 4});
  Tensor y = window_attention(qkv, pad, bias, 1, {2, 2});
  for (int64_t i = 0; i < y.numel(); ++i) CHECK(y.read<float>()[i] == doctest::Approx(100));
  qkv.write<float>()[5] = NAN;  // a key of the first window
  y = window_attention(qkv, pad, bias, 1, {2, 2});
  for (int64_t i = 0; i < y.numel(); ++i) CHECK(std::isnan(y.read<float>()[i]) == (i / 16 < 2 && i / 4 % 4 < 2));
}
