// Tools that inspect a graph: find the op of the first NaN, bytes kept per op, multiply-adds, attention
// sizes, a DOT graph.
#pragma once

#include <map>
#include <set>
#include <string>

#include "autograd/observer.h"

namespace camo::debug {

/// While one exists, the output and the gradients of every op are checked.  The first non-finite number raises
/// NumericError, which names the op and the pass.  Costs one read of every tensor.
class FindNan : public Observer {
 public:
  void forward(const OpRun& run) override;
  void backward(const Node& node) override;
};

/// While one exists, counts the multiply-adds of products, convolutions and attentions in the forward
/// pass on this thread.
class CountMacs : public Observer {
 public:
  void forward(const OpRun& run) override { count_ += run.macs; }
  int64_t count() const { return count_; }

 private:
  int64_t count_ = 0;
};

/// The sizes of an attention: scores of N queries against M keys, in heads of size D.
struct AttentionSizes {
  int64_t N, M, heads, D;
  auto operator<=>(const AttentionSizes&) const = default;
};

/// While one exists, records the sizes of every attention in the forward pass on this thread, each
/// once, sorted by size.
class NoteAttention : public Observer {
 public:
  void forward(const OpRun& run) override;
  const std::set<AttentionSizes>& sizes() const { return sizes_; }

 private:
  std::set<AttentionSizes> sizes_;
};

/// Bytes that closures keep alive for the backward pass, by op.  A storage counts once, for the first op that keeps it.
std::map<std::string, int64_t> bytes_kept_by_op(const Var& root);
int64_t bytes_kept(const Var& root);

/// The graph below root in Graphviz's DOT language.
std::string to_dot(const Var& root);

}  // namespace camo::debug
