#include "autograd/debug.h"

#include <string_view>
#include <utility>

#include "autograd/node.h"
#include "tensor/ops/reduce.h"

namespace camo::debug {
namespace {
thread_local int t_find_nan = 0;
thread_local CountMacs* t_count_macs = nullptr;
thread_local NoteAttention* t_note_attention = nullptr;

/// Products of inner length n make n multiply-adds for each number of the result; attention makes two products.
int64_t macs_of(std::string_view op, const Tensor& y, const Vars& in) {
  if (op == "linear" || op == "grouped_linear") return y.numel() * in[1].dim(-1);
  if (op == "matmul") return y.rank() && y.numel() ? in[0].value().numel() / (y.numel() / y.dim(-1)) * y.numel() : 0;
  if (op == "conv2d") return y.numel() * in[1].shape().product(1, 4);
  if (op == "attention") return 2 * y.numel() * in[1].dim(1);
  if (op == "window_attention") return 2 * y.numel() * in[2].dim(1);  // of the tokens within the map
  return 0;
}

}  // namespace

CountMacs::CountMacs() : outer_(std::exchange(t_count_macs, this)) {}
CountMacs::~CountMacs() {
  if (outer_) outer_->count_ += count_;
  t_count_macs = outer_;
}

NoteAttention::NoteAttention() : outer_(std::exchange(t_note_attention, this)) {}
NoteAttention::~NoteAttention() {
  if (outer_) outer_->sizes_.insert(sizes_.begin(), sizes_.end());
  t_note_attention = outer_;
}
void on_attention(const AttentionSizes& sizes) {
  if (t_note_attention) t_note_attention->sizes_.insert(sizes);
}

FindNan::FindNan() { ++t_find_nan; }
FindNan::~FindNan() { --t_find_nan; }

void on_forward(const char* op, const Tensor& value, const Vars& inputs) {
  if (t_count_macs) t_count_macs->count_ += macs_of(op, value, inputs);
  if (t_find_nan && is_float(value.dtype()) && !all_finite(value))
    throw NumericError(text("forward of '", op, "': output ", value.shape(), " holds NaN or infinity"));
}

void on_backward(const Node& node) {
  if (!t_find_nan) return;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i] && node.inputs[i]->grad.defined() && !all_finite(node.inputs[i]->grad))
      throw NumericError(text("backward of '", node.op, "': gradient of input ", i, " ", node.inputs[i]->shape,
                              " holds NaN or infinity"));
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
