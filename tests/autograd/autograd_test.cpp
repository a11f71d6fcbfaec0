// The engine: order of nodes, gradients of repeated inputs, saved tensors, long chains, checkpoint, debug tools.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/checkpoint.h"
#include "autograd/debug.h"
#include "autograd/gradient_check.h"
#include "autograd/node.h"
#include "autograd/ops.h"

using namespace camo;

namespace {
Var leaf(const std::vector<float>& v) { return Var::leaf(from(v, {int64_t(v.size())})); }
}  // namespace

TEST_CASE("a value used twice receives both gradients before its own op runs backward") {
  Var a = leaf({3});
  Var b = square(a);                 // b = 9
  backward(sum(add(b, mul(b, a))));  // y = a^2 + a^3, y' = 2a + 3a^2 = 33
  CHECK(item(a.grad()) == 33);
}

TEST_CASE("gradients of two backward calls add up in a leaf") {
  Var a = leaf({2});
  backward(sum(square(a)));
  backward(sum(square(a)));
  CHECK(item(a.grad()) == 8);
  a.clear_grad();
  CHECK(!a.grad().defined());
}

TEST_CASE("a tensor used as the gradient of two inputs is not added to in place") {
  Var a = leaf({1, 2}), b = leaf({3, 4});
  Var s = add(a, b);
  backward(sum(add(s, mul(s, a))));  // d/da = 1 + (2a + b), d/db = 1 + a
  CHECK(to_vector<float>(a.grad()) == std::vector<float>{6, 9});
  CHECK(to_vector<float>(b.grad()) == std::vector<float>{2, 3});
}

TEST_CASE("a chain of a million nodes records, runs and frees") {
  Var x = leaf({1});
  Var y = x;
  for (int i = 0; i < 1000000; ++i) y = scale(y, 1, 0);
  backward(y);
  CHECK(item(x.grad()) == 1);
  y = Var();
  Var unused = x;
  for (int i = 0; i < 1000000; ++i) unused = neg(unused);  // freed without a backward pass
}

namespace {
/// Bytes that the node of v itself keeps.
int64_t kept(const Var& v) {
  int64_t sum = 0;
  for (auto [storage, bytes] : v.node()->kept) sum += bytes;
  return sum;
}
}  // namespace

TEST_CASE("a consumer keeps the value of a product, but not of a cheap op") {
  Var x = Var::leaf(randn({8, 16}, 1)), w = Var::leaf(randn({4, 16}, 2)), g = Var::leaf(ones({16})), b = g;
  const int64_t of_x = 8 * 16 * 4, of_w = 4 * 16 * 4;
  CHECK(kept(linear(x, w, {})) == of_x + of_w);
  CHECK(kept(linear(gelu(x), w, {})) == of_w);
  CHECK(kept(linear(layer_norm(x, g, b, 1e-6), w, {})) == of_w);
  CHECK(kept(linear(reshape(gelu(x), {4, 2, 16}), w, {})) == of_w);
  CHECK(kept(linear(mul(x, x), w, {})) == of_x + of_w);
  CHECK(kept(relu(x)) == of_x);  // its own value: x is a leaf
  CHECK(kept(relu(gelu(x))) == 0);
  CHECK(kept(linear(relu(x), w, {})) == of_x + of_w);  // shared with relu itself
}

TEST_CASE("values computed again give the same bits as values kept") {
  auto gradients = [](bool keep) {
    Var x = Var::leaf(randn({2, 6, 5, 16}, 1)), w = Var::leaf(randn({16, 3, 3, 1}, 2)),
        v = Var::leaf(randn({4, 16}, 3)), g = Var::leaf(randn({16}, 4)), b = Var::leaf(randn({16}, 5));
    // A product with 1 is no cheap op: what follows keeps its value.
    const Var one(ones({}));
    auto hold = [&](const Var& y) { return keep ? mul(y, one) : y; };
    Var y = hold(layer_norm(x, g, b, 1e-6));
    y = hold(conv2d(y, w, b, {.padding = 1, .groups = 16}));
    y = hold(relu(y));
    y = hold(depthwise_gelu(y, w, b, {.padding = 1, .groups = 16}));
    y = hold(batch_norm(y, g, b, 1e-5, nullptr));
    y = add(linear(gelu(y), v, {}), linear(y, v, {}));
    backward(sum(square(y)), true);
    backward(sum(square(y)));
    std::vector<float> all;
    for (const Var& p : {x, w, v, g, b})
      for (float number : to_vector<float>(p.grad())) all.push_back(number);
    return all;
  };
  CHECK(gradients(false) == gradients(true));
}

TEST_CASE("depthwise_gelu has the bits of its two parts") {
  auto gradients = [](bool fused) {
    Var x = Var::leaf(randn({2, 12, 13, 20}, 1, DType::bf16)), w = Var::leaf(randn({20, 3, 3, 1}, 2)),
        b = Var::leaf(randn({20}, 3));
    const ConvSpec spec{.padding = 1, .groups = 20};
    Var y = fused ? depthwise_gelu(x, w, b, spec) : gelu(conv2d(x, w, b, spec));
    backward(sum(square(y)));
    std::vector<float> all = to_vector<float>(y.value());
    for (const Var& p : {x, w, b})
      for (float number : to_vector<float>(p.grad())) all.push_back(number);
    return all;
  };
  CHECK(gradients(true) == gradients(false));
}

TEST_CASE("a chain of cheap ops runs, frees and keeps one value in five") {
  Var x = leaf({1});
  Var y = x;
  int64_t bytes = 0;
  for (int i = 0; i < 100000; ++i) y = gelu(y), bytes += kept(y);
  CHECK(bytes == 4 * 20000);
  backward(y);
  CHECK(x.grad().defined());
  Var unused = x;
  for (int i = 0; i < 100000; ++i) unused = relu(gelu(unused));
}

TEST_CASE("a value that cannot be computed again, because an input was written, raises an error") {
  Var x = leaf({2, 3}), w = Var::leaf(ones({1, 2}));
  Tensor value = x.value();
  Var y = sum(linear(gelu(x), w, {}));
  value.write<float>()[0] = 3;
  CHECK_THROWS_WITH_AS(backward(y), doctest::Contains("backward of 'linear'"), GraphError);
}

TEST_CASE("a second backward over a freed graph names keep_graph") {
  Var a = leaf({2});
  Var y = sum(square(a));
  backward(y, /*keep_graph=*/true);
  backward(y);
  CHECK(item(a.grad()) == 8);
  CHECK_THROWS_WITH_AS(backward(y), "backward: the graph of 'sum' was already freed; pass keep_graph to the first call",
                       GraphError);
}

TEST_CASE("writing to a saved tensor raises an error that names the op") {
  Var a = leaf({2}), b = leaf({5});
  Tensor value = a.value();
  Var y = sum(mul(a, b));
  value.write<float>()[0] = 3;
  CHECK_THROWS_WITH_AS(backward(y), doctest::Contains("backward of 'mul'"), GraphError);
}

TEST_CASE("constants, NoGrad and detach leave the graph") {
  Var a = leaf({2});
  CHECK(!square(a.detach()).wants_grad());
  {
    NoGrad no_grad;
    CHECK(!square(a).wants_grad());
    { NoGrad inside; }
    CHECK(!square(a).wants_grad());
  }
  CHECK(square(a).wants_grad());
  CHECK_THROWS_AS(backward(square(Var(ones({1})))), GraphError);
  CHECK_THROWS_AS(backward(square(leaf({1, 2}))), ShapeError);
  CHECK_THROWS_AS(square(a).grad(), GraphError);
}

TEST_CASE("the gradients of slices of one tensor are added into one gradient") {
  Var x = Var::leaf(arange(12, DType::f32).reshape({4, 3}));
  Var y = add(sum(square(slice_rows(x, 0, 2))), sum(slice_rows(x, 1, 4)));
  backward(y);
  CHECK(to_vector<float>(x.grad()) == std::vector<float>{0, 2, 4, 7, 9, 11, 1, 1, 1, 1, 1, 1});
}

TEST_CASE("rows added to a gradient that two inputs share leave the other input's gradient alone") {
  Var a = Var::leaf(ones({2, 2})), b = Var::leaf(ones({2, 2}));
  Var rows = slice_rows(a, 0, 1);  // recorded before the sum, so it runs backward after it
  Var y = add(a, b);
  backward(add(sum(y), sum(rows)));
  CHECK(to_vector<float>(a.grad()) == std::vector<float>{2, 2, 1, 1});
  CHECK(to_vector<float>(b.grad()) == std::vector<float>{1, 1, 1, 1});
}

TEST_CASE("of several largest or smallest elements only the first gets the gradient") {
  Var x = Var::leaf(from<float>({3, 1, 3, 1, 3, 1}, {2, 3}));
  auto gradient = [&](const Var& y) {
    x.set_grad(zeros({2, 3}));
    backward(sum(y));
    return to_vector<float>(x.grad());
  };
  using Numbers = std::vector<float>;
  CHECK(gradient(max(x, {0, 1}, false)) == Numbers{1, 0, 0, 0, 0, 0});
  CHECK(gradient(min(x, {0, 1}, false)) == Numbers{0, 1, 0, 0, 0, 0});
  CHECK(gradient(max(x, {1}, true)) == Numbers{1, 0, 0, 0, 1, 0});
  CHECK(gradient(min(x, {1}, false)) == Numbers{0, 1, 0, 1, 0, 0});
  Var same = Var::leaf(ones({3, 2}));
  backward(sum(max(same, {0}, false)));
  CHECK(to_vector<float>(same.grad()) == Numbers{1, 1, 0, 0, 0, 0});
}

TEST_CASE("checkpoint gives the gradient of the plain function and keeps less memory") {
  auto f = [](const Vars& v) { return gelu(matmul(gelu(matmul(v[0], v[1])), v[1])); };
  auto gradients = [&](const std::function<Var(const Vars&)>& g, int64_t* kept) {
    Var a = Var::leaf(randn({64, 32}, 1)), b = Var::leaf(randn({32, 32}, 2));
    Var y = g({a, b});
    *kept = debug::bytes_kept(y);
    backward(sum(y));
    return std::pair(a.grad(), b.grad());
  };
  int64_t plain_kept, again_kept;
  auto plain = gradients(f, &plain_kept);
  auto again = gradients([&](const Vars& v) { return checkpoint(f, v); }, &again_kept);
  CHECK(equal_bits(plain.first, again.first));
  CHECK(equal_bits(plain.second, again.second));
  CHECK(again_kept < plain_kept);
}

TEST_CASE("checkpoint draws the same random numbers again, and parameters inside get gradients") {
  Var w = Var::leaf(randn({64}, 3));
  auto f = [&](const Vars& v) {
    RandomKey key{.seed = 9, .domain = Domain::dropout, .path = 1, .call = call_counts()[1]++};
    return mul(dropout(v[0], 0.5, key), w);
  };
  Var x(ones({64}));  // requires no gradient; only w does
  call_counts().clear();
  backward(sum(f({x})));
  Tensor plain = w.grad();
  w.clear_grad();
  call_counts().clear();
  Var y = checkpoint(f, {x});
  call_counts()[1] = 17;  // as if later layers had drawn
  backward(sum(y));
  CHECK(equal_bits(plain, w.grad()));
  CHECK(call_counts()[1] == 17);
}

TEST_CASE("the gradient of a checkpoint's input has the bits of the plain one, although later ops use it as well") {
  auto gradient = [](bool again) {
    auto f = [](const Vars& v) { return v[0] * v[0] + gelu(v[0]); };
    Var x = Var::leaf(randn({1000}, 1)), y = again ? checkpoint(f, {x}) : f({x});
    backward(sum(y + exp(x)));
    return x.grad();
  };
  CHECK(equal_bits(gradient(true), gradient(false)));
}

TEST_CASE("a checkpoint within a checkpoint runs three times and gives the gradient of the plain function") {
  std::vector<bool> seen;
  auto inner = [&](const Vars& v) { return seen.push_back(recomputing()), exp(v[0]); };
  Var x = Var::leaf(randn({8}, 1));
  backward(sum(checkpoint([&](const Vars& v) { return checkpoint(inner, {exp(v[0])}); }, {x})));
  CHECK(seen == std::vector<bool>{false, true, true});
  CHECK_FALSE(recomputing());
  Tensor grad = x.grad();
  x.clear_grad();
  backward(sum(exp(exp(x))));
  CHECK(equal_bits(grad, x.grad()));
}

TEST_CASE("the op of a NaN within a checkpoint is named, in both passes") {
  debug::FindNan on;
  auto within = [](auto f, double at) {
    return checkpoint([f](const Vars& v) { return exp(f(v[0])); }, {leaf({float(at)})});
  };
  CHECK_THROWS_WITH_AS(within([](const Var& x) { return log(x); }, -1), doctest::Contains("forward of 'log'"),
                       NumericError);
  CHECK_THROWS_WITH_AS(backward(sum(within([](const Var& x) { return sqrt(x); }, 0))),
                       doctest::Contains("backward of 'sqrt'"), NumericError);
  CHECK_FALSE(recomputing());
}

TEST_CASE("the first op that makes a NaN is named") {
  debug::FindNan on;
  Var a = leaf({-1});
  CHECK_THROWS_WITH_AS(exp(log(a)), "forward of 'log': output (1) holds NaN or infinity", NumericError);
  Var zero = leaf({0});
  CHECK_THROWS_WITH_AS(backward(sum(sqrt(zero))), doctest::Contains("backward of 'sqrt'"), NumericError);
}

TEST_CASE("kept bytes are counted by op, and the graph prints as DOT") {
  Var a = Var::leaf(ones({1000})), b = Var::leaf(ones({1000}));
  Var y = sum(mul(a, b));
  CHECK(debug::bytes_kept_by_op(y).at("mul") == 8000);
  CHECK(debug::to_dot(y).find("label=\"mul") != std::string::npos);
  CHECK(debug::bytes_kept(sum(mul(a, Var(ones({1000}))))) == 4000);  // the constant is saved for a; a is not
  Var part = slice_rows(Var(ones({1000})), 0, 10);
  CHECK(debug::bytes_kept(sum(mul(slice_rows(a, 0, 10), part))) == 4000);  // a slice keeps the whole alive
}

TEST_CASE("two observers are both told of every op, and of none after they are destroyed") {
  struct Listener : Observer {
    std::vector<std::string> heard;
    void forward(const OpRun& run) override { heard.push_back(run.op); }
  };
  using Names = std::vector<std::string>;
  Var x = leaf({1, 2});
  auto outer = std::make_unique<Listener>();
  exp(x);
  Listener inner;
  {
    NoGrad no_grad;  // what is not recorded runs all the same
    log(x);
  }
  CHECK(outer->heard == Names{"exp", "log"});
  outer.reset();  // the older one goes first
  neg(x);
  CHECK(inner.heard == Names{"log", "neg"});
}

TEST_CASE("an observer is told of a gradient once, when it is complete, and then that the op has run backward") {
  struct Listener : Observer {
    std::vector<std::pair<std::string, double>> gradients;
    std::vector<std::string> ran;
    void gradient(const Node& node, const Tensor& grad) override { gradients.emplace_back(node.op, item(grad)); }
    void backward(const Node& node) override { ran.push_back(node.op); }
  };
  Var a = leaf({3});
  Var b = square(a);
  Var y = add(b, mul(b, a));  // a^2 + a^3
  Listener listener;
  backward(y);
  CHECK(listener.gradients ==
        std::vector<std::pair<std::string, double>>{{"add", 1}, {"mul", 1}, {"square", 4}, {"leaf", 33}});
  CHECK(listener.ran == std::vector<std::string>{"add", "mul", "square"});
}

TEST_CASE("ops state their multiply-adds, nested counters agree, attention states its sizes") {
  auto random = [](const Shape& shape) { return Var(randn(shape, 1)); };
  debug::CountMacs all;
  int64_t total = 0;
  auto check_macs = [&](int64_t expected, const std::function<Var()>& f) {
    debug::CountMacs macs;
    f();
    CHECK(macs.count() == expected);
    total += macs.count();
    CHECK(all.count() == total);
  };
  check_macs(2 * 3 * 4 * 5, [&] { return matmul(random({2, 3, 4}), random({4, 5})); });
  check_macs(3 * 4 * 5, [&] { return matmul(random({4, 3}), random({4, 5}), Trans::yes); });
  check_macs(6 * 4 * 5, [&] { return linear(random({2, 3, 4}), random({5, 4})); });
  check_macs(6 * 4 * 5, [&] { return grouped_linear(random({6, 4}), random({2, 5, 4}), {}, {0, 2, 6}); });
  check_macs(2 * 4 * 5 * 6 * 18, [&] {
    return conv2d(random({2, 4, 5, 4}), random({6, 3, 3, 2}), {}, {.padding = 1, .groups = 2});
  });
  check_macs(2 * 2 * 3 * 8 * 5, [&] { return attention(random({2, 3, 8}), random({2, 5, 8}), random({2, 5, 8}), 2); });
  check_macs(2 * 4 * 5 * 8 * 9, [&] {
    return window_attention(random({1, 4, 5, 24}), random({24}), random({2, 9, 9}), 2, {3, 3});
  });
  check_macs(0, [&] { return softmax(random({3, 4})); });

  debug::NoteAttention note;
  attention(random({2, 3, 8}), random({2, 5, 8}), random({2, 5, 8}), 2);
  CHECK(note.sizes() == std::set<debug::AttentionSizes>{{.N = 3, .M = 5, .heads = 2, .D = 4}});
}

TEST_CASE(
    "the gradient check: small for a right gradient, large for a wrong one, infinite where something is not finite") {
  const Var x = Var::leaf(randn({3, 4}, 1, DType::f64));
  auto wrong = [](const Var& v, double factor) {
    return record("wrong", v.value(), {v}, [=](const Tensor& dy, Grads& d) { d[0] = scale(dy, factor); });
  };
  CHECK(test::gradient_error([&] { return gelu(x); }, {x}) < 1e-8);
  CHECK(test::gradient_error([&] { return gelu(wrong(x, 1.0001)); }, {x}) == doctest::Approx(1e-4).epsilon(0.01));
  CHECK(test::gradient_error([](const Vars& v) { return softmax(v[0]) * v[1]; },
                             {randn({2, 5}, 1, DType::f64), randn({2, 5}, 2, DType::f64)}) < 1e-8);
  for (double a : {double(NAN), double(INFINITY), 1e308})  // with the last one the differences overflow
    CHECK(test::gradient_error([&] { return x * Var(full({4}, a, DType::f64)); }, {x}) == INFINITY);
  CHECK_THROWS_WITH_AS(test::gradient_error([&] { return Var(x.value()) * x; }, {x, Var::leaf(zeros({2}, DType::f64))}),
                       doctest::Contains("leaf 1 (2) has no gradient"), GraphError);
  CHECK_THROWS_AS(test::gradient_error([&] { return square(x); }, {leaf({1})}), DTypeError);
}

TEST_CASE("a gradient that is wrong in any one place, or is not a number, is found by finite differences") {
  for (int64_t wrong : {0, 1, 2})
    for (double by : {0.0, 0.01, std::nan("")}) {
      auto f = [&](const Vars& v) {
        return record("square", mul(v[0].value(), v[0].value()), {v[0]},
                      [=, X = save(v[0])](const Tensor& dy, Grads& d) {
                        Tensor dx = mul(dy, X.get()) * 2.0;
                        dx.write<double>()[wrong] += by;
                        d[0] = dx;
                      });
      };
      const double error = test::gradient_error(f, {from<double>({1, -2, 3}, {3})});
      CHECK((by == 0 ? error < 1e-9 : error > 1e-3));
    }
}

TEST_CASE("differences between results: largest, relative, and not finite") {
  const Tensor a = from<float>({3, 4}, {2}), b = from<double>({0, 4}, {2});
  CHECK(test::largest_difference(a, b) == 3);
  CHECK(test::largest_difference(a, std::vector<double>{3, 4.5}) == 0.5);
  CHECK(test::relative_error(a, b) == 0.75);
  CHECK(test::largest_difference(from<float>({NAN, 4}, {2}), b) == INFINITY);
  CHECK(test::relative_error(from<float>({NAN, 4}, {2}), b) == INFINITY);
  CHECK(test::worse(1, NAN) == INFINITY);
  CHECK_THROWS_AS(test::largest_difference(a, ones({1, 2})), ShapeError);
  CHECK_THROWS_AS(test::relative_error(a, ones({3})), ShapeError);
}
