// Looking into a graph: first NaN by op, bytes kept by op, multiply-adds, sizes of attention, a picture in DOT.
#pragma once

#include <map>
#include <set>
#include <string>

#include "autograd/observer.h"

namespace camo::debug {

/// While alive, every op's output and gradients are scanned; the first non-finite one raises NumericError that
/// names the op and the pass.  Costs a read of every tensor.
class FindNan : public Observer {
 public:
  void forward(const OpRun& run) override;
  void backward(const Node& node) override;
};

/// While alive, counts the multiply-adds of the products, convolutions and attentions that run forward on this thread.
class CountMacs : public Observer {
 public:
  void forward(const OpRun& run) override { count_ += run.macs; }
  int64_t count() const { return count_; }

 private:
  int64_t count_ = 0;
};

/// Sizes of one attention: scores of N queries against M keys in heads of size D.
struct AttentionSizes {
  int64_t N, M, heads, D;
  auto operator<=>(const AttentionSizes&) const = default;
};

/// While alive, notes the sizes of every attention that runs forward on this thread; each once, in order of size.
class NoteAttention : public Observer {
 public:
  void forward(const OpRun& run) override;
  const std::set<AttentionSizes>& sizes() const { return sizes_; }

 private:
  std::set<AttentionSizes> sizes_;
};

/// Bytes that closures keep alive for the backward pass, by op; each storage counts once, at its first keeper.
std::map<std::string, int64_t> bytes_kept_by_op(const Var& root);
int64_t bytes_kept(const Var& root);

/// The graph below root in Graphviz' language.
std::string to_dot(const Var& root);

}  // namespace camo::debug
