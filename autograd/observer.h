// Observer: is told of every op and every gradient on its thread during its lifetime.
//
//   struct CountOps : Observer {
//     int64_t count = 0;
//     void forward(const OpRun&) override { ++count; }
//   };
//   CountOps ops;             // attached from here
//   backward(loss_of(net));   // ops.count grows
//                             // detached at the end of the block
//
// The observers of a thread form a list, and all of them receive every event.  Without observers an event costs one
// comparison.  autograd/debug.h has three: FindNan, CountMacs, NoteAttention.
#pragma once

#include "autograd/var.h"

namespace camo {

/// An op that has just run forward, recorded or not.
struct OpRun {
  const char* op;
  const Tensor& value;
  const Vars& inputs;
  int64_t macs;  // multiply-adds; 0 for ops that do not state them
  int heads;     // for attention(); 0 for every other op
};

class Observer {
 public:
  Observer();           // attaches to this thread
  virtual ~Observer();  // detaches; in any order
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  virtual void forward(const OpRun& /*run*/) {}
  /// The gradient of a node or leaf is complete: every consumer has added its part.  The node's closure runs next.
  virtual void gradient(const Node& /*node*/, const Tensor& /*grad*/) {}
  /// The node's closure has run and has added to the gradients of its inputs.
  virtual void backward(const Node& /*node*/) {}

  /// Nothing in this backward pass adds to the gradient of this leaf any more.  It comes as soon as the last op that uses
  /// the leaf has run, long before the pass ends; not in the passes within a checkpoint.
  virtual void whole(const Node& /*leaf*/) {}

  static Observer* newest();  // of this thread, or null
  Observer* older() const { return older_; }

 private:
  Observer* older_;
};

}  // namespace camo
