#include "autograd/debug.h"

#include "autograd/node.h"
#include "tensor/ops/reduce.h"

namespace camo::debug {

void FindNan::forward(const OpRun& run) {
  if (is_float(run.value.dtype()) && !all_finite(run.value))
    throw NumericError(text("forward of '", run.op, "': output ", run.value.shape(), " holds NaN or infinity"));
}

void FindNan::backward(const Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i] && node.inputs[i]->grad.defined() && !all_finite(node.inputs[i]->grad))
      throw NumericError(text("backward of '", node.op, "': gradient of input ", i, " ", node.inputs[i]->shape,
                              " holds NaN or infinity"));
}

void NoteAttention::forward(const OpRun& run) {
  if (run.heads == 0) return;
  const Var &q = run.inputs[0], &k = run.inputs[1];
  sizes_.insert({.N = q.dim(1), .M = k.dim(1), .heads = run.heads, .D = q.dim(2) / run.heads});
}

std::map<std::string, int64_t> bytes_kept_by_op(const Var& root) {
  std::map<std::string, int64_t> out;
  std::set<const Storage*> seen;
  if (!root.wants_grad()) return out;
  for (Node* n : reachable(root.node().get()))
    for (auto [storage, bytes] : n->kept)
      if (seen.insert(storage).second) out[n->op] += bytes;
  return out;
}

int64_t bytes_kept(const Var& root) {
  int64_t total = 0;
  for (const auto& [op, bytes] : bytes_kept_by_op(root)) total += bytes;
  return total;
}

std::string to_dot(const Var& root) {
  std::string out = "digraph camo {\n";
  if (root.wants_grad())
    for (Node* n : reachable(root.node().get())) {
      out += text("  n", n->id, " [label=\"", n->op, "\\n", n->shape, "\"", n->leaf ? " shape=box" : "", "];\n");
      for (const auto& in : n->inputs)
        if (in) out += text("  n", in->id, " -> n", n->id, ";\n");
    }
  return out + "}\n";
}

}  // namespace camo::debug
