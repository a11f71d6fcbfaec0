// Var: a Tensor plus the node that made it.
//
// A differentiable op computes its value with Tensor functions and hands record() a closure that turns dy into
// the gradients of its inputs.  Edges point at producers and never hold values: a tensor outlives the forward
// pass only if a closure captured it (as Saved), so the capture list of an op is its memory cost.
// Nodes are numbered as they are made; newest first is a topological order.  Read next: engine.cpp.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace camo {

struct Node;

/// What an op states of itself to record(), beside its value.
struct OpTraits {
  int64_t macs_per_number = 0;  // multiply-adds for each number of the result: the inner length of a product
  int heads = 0;                // of an attention: its inputs are q, k, v
  bool always = false;          // record even if no input wants a gradient (checkpoint: parameters inside may)
};

class Var {
 public:
  Var() = default;
  /// A constant: no gradient flows into it.
  explicit Var(Tensor value) : value_(std::move(value)) {}
  /// A leaf that collects its gradient: a parameter, or an input under test.
  static Var leaf(Tensor value, const char* name = "leaf");

  const Tensor& value() const { return value_; }
  bool defined() const { return value_.defined(); }
  const Shape& shape() const { return value_.shape(); }
  int rank() const { return value_.rank(); }
  int64_t dim(int axis) const { return value_.dim(axis); }
  DType dtype() const { return value_.dtype(); }
  Device device() const { return value_.device(); }

  bool wants_grad() const { return bool(node_); }
  /// Gradient of a leaf after backward(); undefined if none arrived.
  const Tensor& grad() const;
  void clear_grad();
  void set_grad(Tensor grad);
  const std::shared_ptr<Node>& node() const { return node_; }
  /// The same value outside the graph.  Leaving the graph is always visible in the source.
  Var detach() const { return Var(value_); }

 private:
  friend Var record(const char*, Tensor, std::vector<Var>, std::function<void(const Tensor&, class Grads&)>,
                    const OpTraits&);
  Tensor value_;
  std::shared_ptr<Node> node_;
};

using Vars = std::vector<Var>;

/// Where a closure puts the gradients of its op's inputs.
///   if (d.wants(0)) d[0] = mul(dy, B.get());
/// The engine adds in place only into storage that it alone owns, so d[0] = d[1] = dy is legal.
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
  /// Adds t into rows [begin, begin + t.dim(0)) of input i's gradient; the rest stays.  E slices of one tensor
  /// thus cost one pass in all.
  void add_rows(int i, int64_t begin, const Tensor& t);

 private:
  void give(int i, Tensor t);
  Node& node_;
};

using Backward = std::function<void(const Tensor& dy, Grads& d)>;

/// Makes the node of an op.  Returns a constant, and drops the closure with all that it saved, when no input wants a
/// gradient or under NoGrad.  Observers hear of the op in any case (observer.h).
Var record(const char* op, Tensor value, Vars inputs, Backward backward, const OpTraits& traits = {});

/// A tensor kept for the backward pass.  get() raises GraphError, naming the op, if it was written meanwhile.
class Saved {
 public:
  Saved() = default;
  explicit Saved(Tensor t);
  const Tensor& get() const;

 private:
  Tensor tensor_;
  uint64_t version_ = 0;
};

/// Keeps x's value always, or only if `other` wants a gradient (matmul keeps a for the sake of b).
inline Saved save(const Var& x) { return Saved(x.value()); }
inline Saved save_for(const Var& other, const Var& x) { return other.wants_grad() ? Saved(x.value()) : Saved(); }

/// While alive on this thread, ops record nothing.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;

 private:
  bool before_;
};
/// While alive on this thread, ops record again (checkpoint's second run happens inside a backward pass).
class Recording {
 public:
  Recording();
  ~Recording();
  Recording(const Recording&) = delete;

 private:
  bool before_;
};
bool recording();

/// Fills the gradients of all leaves that loss depends on (added to what they hold).  loss has one element,
/// or seed has loss's shape.  The graph is freed as it runs unless keep_graph.
void backward(const Var& loss, bool keep_graph = false);
void backward(const Var& output, const Tensor& seed, bool keep_graph = false);

}  // namespace camo
