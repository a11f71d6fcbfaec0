// Recording and running the graph.
//
// backward() visits the reachable nodes by id, newest first.  A node is newer than its inputs, so when its turn comes
// all its consumers have run and its gradient is complete: the numbers alone give a topological order.
// (Example y = a + a: the add is newer than a, so a's gradient receives both terms before a is visited.)
#include <algorithm>
#include <atomic>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "autograd/node.h"
#include "autograd/observer.h"
#include "tensor/ops/elementwise.h"

namespace camo {
namespace {

std::atomic<uint64_t> g_next_id{1};
thread_local bool t_recording = true;
thread_local const char* t_running_op = "backward";
thread_local int t_passes = 0;  // backward passes that run: one within another in a checkpoint
thread_local std::vector<std::pair<const Storage*, int64_t>> t_kept;  // what was saved since the last record()
constexpr int kMostAgain = 4;  // ops in a row that keep nothing: more would bring back at once what was not kept

/// grad += t, in place if grad's storage is not shared.
void accumulate(Tensor& grad, Tensor t) {
  if (!grad.defined()) grad = std::move(t);
  else if (grad.unique()) add_into(grad, t);
  else if (t.unique()) add_into(t, grad), grad = std::move(t);
  else grad = add(grad, t);
}

template <class F> void tell_observers(const F& event) {
  for (Observer* o = Observer::newest(); o; o = o->older()) event(*o);
}

/// Tells observers when the last node that uses a leaf has run.
class WholeGradients {
 public:
  explicit WholeGradients(const std::vector<Node*>& order) {
    for (Node* n : order) each_leaf(*n, [&](Node& leaf) { ++left_[&leaf]; });
  }
  void ran(Node& n) {
    each_leaf(n, [&](Node& leaf) {
      if (--left_[&leaf] == 0) tell_observers([&](Observer& o) { o.whole(leaf); });
    });
  }

 private:
  template <class F> static void each_leaf(Node& n, const F& f) {
    for (const auto& in : n.inputs)
      if (in && in->leaf) f(*in);
    for (const auto& leaf : n.hidden) f(*leaf);
  }
  std::unordered_map<Node*, int> left_;  // uses that have not run
};

}  // namespace

Node::Node(const char* op, const Tensor& value, std::vector<std::shared_ptr<Node>> inputs, Backward backward)
    : op(op),
      id(g_next_id++),
      shape(value.shape()),
      dtype(value.dtype()),
      device(value.device()),
      inputs(std::move(inputs)),
      backward(std::move(backward)) {}

Node::~Node() {
  // Nodes are freed through a list, because releasing a long chain through destructors would overflow the stack.  The
  // closures, which may hold producers, go before the list does.
  thread_local std::vector<std::shared_ptr<Node>>* pending = nullptr;
  if (pending) {
    for (auto& n : inputs)
      if (n) pending->push_back(std::move(n));
    backward = nullptr, again = nullptr;
    return;
  }
  std::vector<std::shared_ptr<Node>> mine;
  pending = &mine;
  for (auto& n : inputs)
    if (n) mine.push_back(std::move(n));
  backward = nullptr, again = nullptr;
  while (!mine.empty()) {
    std::shared_ptr<Node> n = std::move(mine.back());
    mine.pop_back();
  }
  pending = nullptr;
}

Var Var::leaf(Tensor value, const char* name) {
  Var out(std::move(value));
  out.node_ = std::make_shared<Node>(name, out.value_, std::vector<std::shared_ptr<Node>>{}, nullptr);
  out.node_->leaf = true;
  return out;
}

const Tensor& Var::grad() const {
  check<GraphError>(node_ && node_->leaf, "grad: only a leaf keeps its gradient [Var::leaf(tensor)]");
  return node_->grad;
}
void Var::clear_grad() {
  if (node_) node_->grad = Tensor();
}
void Var::set_grad(Tensor grad) {
  check<GraphError>(node_ && node_->leaf, "set_grad: only a leaf keeps its gradient");
  node_->grad = std::move(grad);
}

Saved::Saved(Tensor t) : tensor_(std::move(t)), version_(tensor_.version()) {
  if (t_recording && tensor_.defined()) t_kept.emplace_back(tensor_.storage(), tensor_.storage()->bytes);
}

Saved::Saved(const Var& x) {
  if (t_recording && computed_again(x)) op_ = x.node();
  else *this = Saved(x.value());
}

bool computed_again(const Var& x) { return x.node() && x.node()->again && x.node()->again_depth <= kMostAgain; }

const Tensor& Node::value_again() {
  check<GraphError>(bool(again), "backward of '", t_running_op, "': the graph of '", op, "' was already freed");
  if (!value.defined()) {
    NoGrad no_grad;
    value = again();
  }
  return value;
}

const Tensor& Saved::get() const {
  if (op_) return op_->value_again();
  check<GraphError>(tensor_.defined(), "backward of '", t_running_op, "': reads a tensor that it did not save");
  check<GraphError>(tensor_.version() == version_, "backward of '", t_running_op, "': a tensor ", tensor_.shape(),
                    " it saved was written after the forward pass");
  return tensor_;
}

NoGrad::NoGrad() : before_(t_recording) { t_recording = false; }
NoGrad::~NoGrad() { t_recording = before_; }
Recording::Recording() : before_(t_recording) { t_recording = true; }
Recording::~Recording() { t_recording = before_; }
bool recording() { return t_recording; }

Var record(const char* op, Tensor value, Vars inputs, Backward backward, const OpTraits& traits) {
  auto kept = std::exchange(t_kept, {});
  tell_observers([&](Observer& o) {
    o.forward({op, value, inputs, value.numel() * traits.macs_per_number, traits.heads});
  });
  Var out(std::move(value));
  bool wanted = traits.always;
  for (const Var& x : inputs) wanted = wanted || x.wants_grad();
  if (!t_recording || !wanted) return out;
  std::vector<std::shared_ptr<Node>> edges;
  for (const Var& x : inputs) edges.push_back(x.node_);
  out.node_ = std::make_shared<Node>(op, out.value_, std::move(edges), std::move(backward));
  for (const Var& x : inputs) out.node_->input_shapes.push_back(x.shape());
  out.node_->kept = std::move(kept);
  if (traits.again) {
    int depth = 1;
    for (const Var& x : inputs)
      if (computed_again(x)) depth = std::max(depth, x.node_->again_depth + 1);
    out.node_->again = traits.again, out.node_->again_depth = depth;
  }
  return out;
}

bool Grads::wants(int i) const { return bool(node_.inputs[i]); }

void Grads::give(int i, Tensor t) {
  if (!wants(i)) return;
  Node& to = *node_.inputs[i];
  check<GraphError>(t.defined() && t.shape() == to.shape && t.dtype() == to.dtype, "backward of '", node_.op,
                    "': gradient ", i, " is ", t.shape(), " ", t.dtype(), ", its input is ", to.shape, " ", to.dtype);
  accumulate(to.grad, std::move(t));
}

void Grads::add_rows(int i, int64_t begin, const Tensor& t) {
  if (!wants(i)) return;
  Node& to = *node_.inputs[i];
  if (!to.grad.defined()) to.grad = zeros(to.shape, to.dtype, to.device);
  if (!to.grad.unique()) to.grad = to.grad.clone();
  add_into_rows(to.grad, begin, t);
}

Tensor Grads::value() {
  node_.value_again();
  return std::exchange(node_.value, {});
}

Tensor Grads::take(int i) { return wants(i) ? std::exchange(node_.inputs[i]->grad, {}) : Tensor(); }

std::vector<Node*> reachable(Node* root) {
  std::vector<Node*> found{root};
  std::unordered_set<Node*> seen{root};
  for (size_t i = 0; i < found.size(); ++i)
    for (const auto& in : found[i]->inputs)
      if (in && seen.insert(in.get()).second) found.push_back(in.get());
  std::sort(found.begin(), found.end(), [](Node* a, Node* b) { return a->id > b->id; });
  return found;
}

void backward(const Var& output, const Tensor& seed, bool keep_graph) {
  check<GraphError>(output.wants_grad(), "backward: the output does not depend on a leaf that requires a gradient");
  check(seed.shape() == output.shape(), "backward: seed ", seed.shape(), " for output ", output.shape());
  NoGrad no_grad;
  // Keeps every node until the end: dropping edges during the loop must not free nodes that are still to come.
  std::vector<Node*> order = reachable(output.node().get());
  std::shared_ptr<Node> root = output.node();
  for (Node* n : order)
    check<GraphError>(n->leaf || !n->ran, "backward: the graph of '", n->op,
                      "' was already freed; pass keep_graph to the first call");
  accumulate(root->grad, seed);
  struct Pass {
    Pass() { ++t_passes; }
    ~Pass() { --t_passes; }
  } pass;
  std::optional<WholeGradients> whole;
  if (Observer::newest() && t_passes == 1) whole.emplace(order);
  for (Node* n : order) {
    if (n->grad.defined()) tell_observers([&](Observer& o) { o.gradient(*n, n->grad); });
    if (n->leaf) continue;
    Tensor dy = std::move(n->grad);
    n->grad = Tensor();
    if (dy.defined() && n->backward) {
      t_running_op = n->op;
      Grads d(*n);
      n->backward(dy, d);
      tell_observers([&](Observer& o) { o.backward(*n); });
    }
    if (whole) whole->ran(*n);
    n->value = Tensor();
    if (!keep_graph) n->backward = nullptr, n->again = nullptr, n->ran = true;
  }
  t_running_op = "backward";
}

void backward(const Var& loss, bool keep_graph) {
  check(loss.value().numel() == 1, "backward: the loss has one element, got ", loss.shape(),
        " [pass a seed of that shape]");
  backward(loss, ones(loss.shape(), loss.dtype(), loss.device()), keep_graph);
}

}  // namespace camo
