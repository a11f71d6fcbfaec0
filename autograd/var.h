// Var: a Tensor plus the graph node that produced it.
//
// A differentiable op computes its value with Tensor functions and passes record() a closure that turns dy into the
// gradients of its inputs.  Edges point to producers and hold no values: a tensor outlives the forward pass only if a
// closure captures it (as Saved).  So the capture list of an op is its memory cost.  The value of a cheap op (a norm, an
// activation, a depthwise convolution) is not kept for later ops but computed again when they need it.
// Nodes are numbered in order of creation; newest first is a topological order.  Read next: engine.cpp.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace camo {

struct Node;

/// Facts about an op, for record() and observers.
struct OpTraits {
  int64_t macs_per_number = 0;  // multiply-adds per number of the result: the inner length of a product
  int heads = 0;                // of an attention, whose inputs are q, k, v
  bool always = false;          // record even if no input requires a gradient (checkpoint: parameters inside may)
  /// Computes the value again from what the closure saved, to the same bits.  Given by ops that cost less than a product:
  /// what later ops save of this value is then this function.
  std::function<Tensor()> again = nullptr;
};

class Var {
 public:
  Var() = default;
  /// A constant: it receives no gradient.
  explicit Var(Tensor value) : value_(std::move(value)) {}
  /// A leaf that accumulates its gradient: a parameter, or an input in a test.
  static Var leaf(Tensor value, const char* name = "leaf");

  const Tensor& value() const { return value_; }
  bool defined() const { return value_.defined(); }
  const Shape& shape() const { return value_.shape(); }
  int rank() const { return value_.rank(); }
  int64_t dim(int axis) const { return value_.dim(axis); }
  DType dtype() const { return value_.dtype(); }
  Device device() const { return value_.device(); }

  bool wants_grad() const { return bool(node_); }
  /// The gradient of a leaf after backward(); undefined if it received none.
  const Tensor& grad() const;
  void clear_grad();
  void set_grad(Tensor grad);
  const std::shared_ptr<Node>& node() const { return node_; }
  /// The same value as a constant, outside the graph.
  Var detach() const { return Var(value_); }

 private:
  friend Var record(const char*, Tensor, std::vector<Var>, std::function<void(const Tensor&, class Grads&)>,
                    const OpTraits&);
  Tensor value_;
  std::shared_ptr<Node> node_;
};

using Vars = std::vector<Var>;

/// Receives the gradients of an op's inputs from its closure.
///   if (d.wants(0)) d[0] = mul(dy, B.get());
/// The engine adds in place only to storage that is not shared, so d[0] = d[1] = dy is allowed.
class Grads {
 public:
  explicit Grads(Node& node) : node_(node) {}
  bool wants(int i) const;

  class Slot {
   public:
    void operator=(Tensor t) { grads_.give(i_, std::move(t)); }

   private:
    friend class Grads;
    Slot(Grads& grads, int i) : grads_(grads), i_(i) {}
    Grads& grads_;
    int i_;
  };
  Slot operator[](int i) { return Slot(*this, i); }
  /// Adds t to rows [begin, begin + t.dim(0)) of the gradient of input i; other rows stay.  So the gradients of E
  /// slices of a tensor cost one pass together.
  void add_rows(int i, int64_t begin, const Tensor& t);
  /// Takes away what later consumers of input i have given it so far; undefined if nothing.
  Tensor take(int i);
  /// The op's own value, computed again.  The graph lets go of it: nothing that runs later asks for it.
  Tensor value();

 private:
  void give(int i, Tensor t);
  Node& node_;
};

using Backward = std::function<void(const Tensor& dy, Grads& d)>;

/// Creates the node of an op.  If no input requires a gradient, or under NoGrad, returns a constant and drops the
/// closure with what it saved.  Observers are told of the op in any case (observer.h).
Var record(const char* op, Tensor value, Vars inputs, Backward backward, const OpTraits& traits = {});

/// A tensor kept for the backward pass, or the op that computes it again.  get() raises GraphError, naming the op, if the
/// tensor was written meanwhile.
class Saved {
 public:
  Saved() = default;
  explicit Saved(Tensor t);
  explicit Saved(const Var& x);
  const Tensor& get() const;
  bool defined() const { return op_ || tensor_.defined(); }

 private:
  std::shared_ptr<Node> op_;  // or null
  Tensor tensor_;
  uint64_t version_ = 0;
};

/// Saves x's value always, or only if `other` requires a gradient (matmul saves a only for the gradient of b).
inline Saved save(const Var& x) { return Saved(x); }
inline Saved save_for(const Var& other, const Var& x) { return other.wants_grad() ? Saved(x) : Saved(); }
/// Whether save(x) keeps no tensor.
bool computed_again(const Var& x);

/// While one exists, ops on this thread record no graph.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;

 private:
  bool before_;
};
/// While one exists, ops on this thread record again (checkpoint's second run happens inside a backward pass).
class Recording {
 public:
  Recording();
  ~Recording();
  Recording(const Recording&) = delete;

 private:
  bool before_;
};
bool recording();

/// Adds to the gradients of all leaves that loss depends on.  loss has one element, or seed has the shape of loss.
/// The graph is freed on the way unless keep_graph.
void backward(const Var& loss, bool keep_graph = false);
void backward(const Var& output, const Tensor& seed, bool keep_graph = false);

}  // namespace camo
