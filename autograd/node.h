// Node: a recorded op.  Used only by the engine and observers.
#pragma once

#include "autograd/var.h"

namespace camo {

struct Node {
  Node(const char* op, const Tensor& value, std::vector<std::shared_ptr<Node>> inputs, Backward backward);
  ~Node();
  /// The value: computed at the first call, kept until this node has run.
  const Tensor& value_again();

  const char* op;
  uint64_t id;  // creation order
  Shape shape;
  DType dtype;
  Device device;
  bool leaf = false, ran = false;
  std::vector<std::shared_ptr<Node>> inputs;  // producers; null for an input that requires no gradient
  std::vector<Shape> input_shapes;
  std::vector<std::shared_ptr<Node>> hidden;  // leaves that the closure itself gives gradients to (checkpoint)
  Backward backward;
  std::function<Tensor()> again;  // computes the value, if that is cheap
  int again_depth = 0;            // ops that one call of `again` runs, at most
  Tensor value;                   // what `again` returned, until this node has run
  Tensor grad;
  std::vector<std::pair<const Storage*, int64_t>> kept;  // what the closure saved: storage and bytes
};

/// Every node reachable from root, newest first.  Not recursive, because a chain may be a million nodes long.
std::vector<Node*> reachable(Node* root);

}  // namespace camo
