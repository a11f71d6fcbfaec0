// Observer: hears of every op and every gradient of its thread while it is alive.
//
//   struct CountOps : Observer {
//     int64_t count = 0;
//     void forward(const OpRun&) override { ++count; }
//   };
//   CountOps ops;             // attached from here
//   backward(loss_of(net));   // ops.count grows
//                             // detached at the end of the block
//
// Observers stand in a list, one per thread, and all of them hear every event.  Without one, an event costs one
// comparison.  autograd/debug.h has three of them: FindNan, CountMacs, NoteAttention.
#pragma once

#include "autograd/var.h"

namespace camo {

/// One op that has just run forward, recorded or not.
struct OpRun {
  const char* op;
  const Tensor& value;
  const Vars& inputs;
  int64_t macs;  // multiply-adds; 0 for ops that state none
  int heads;     // of attention(); 0 for every other op
};

class Observer {
 public:
  Observer();           // attaches to this thread
  virtual ~Observer();  // detaches; any order will do
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  virtual void forward(const OpRun& /*run*/) {}
  /// The gradient of a node, or of a leaf, is whole: every consumer has added its part.  The node's closure runs next.
  virtual void gradient(const Node& /*node*/, const Tensor& /*grad*/) {}
  /// The node's closure has run: the gradients of its inputs hold its part.
  virtual void backward(const Node& /*node*/) {}

  static Observer* newest();  // of this thread; null without one
  Observer* older() const { return older_; }

 private:
  Observer* older_;
};

}  // namespace camo
