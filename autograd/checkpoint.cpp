#include "autograd/checkpoint.h"

#include "autograd/node.h"
#include "tensor/random.h"

namespace camo {
namespace {
thread_local bool t_recomputing = false;

/// Restores what the second run changes, also when f throws.
struct Recomputing {
  explicit Recomputing(const std::map<uint64_t, uint32_t>& counts) : before(call_counts()) {
    t_recomputing = true;
    call_counts() = counts;
  }
  ~Recomputing() {
    t_recomputing = false;
    call_counts() = before;
  }
  std::map<uint64_t, uint32_t> before;
};
}  // namespace

bool recomputing() { return t_recomputing; }

Var checkpoint(const std::function<Var(const Vars&)>& f, const Vars& inputs, const Vars& parameters) {
  if (!recording()) return f(inputs);
  std::map<uint64_t, uint32_t> counts = call_counts();
  Tensor value;
  {
    NoGrad no_grad;
    value = f(inputs).value();
  }
  std::vector<Saved> saved;
  for (const Var& x : inputs) saved.push_back(save(x));
  Var out = record("checkpoint", value, inputs,
                   [f, saved, counts](const Tensor& dy, Grads& d) {
                     Vars again;
                     Var y;
                     {
                       Recomputing scope(counts);
                       Recording on;
                       for (size_t i = 0; i < saved.size(); ++i)
                         again.push_back(d.wants(int(i)) ? Var::leaf(saved[i].get()) : Var(saved[i].get()));
                       y = f(again);
                     }
                     if (!y.wants_grad()) return;
                     // Starts from what later consumers gave: the terms of a sum keep the order that they have without
                     // a checkpoint, and so every bit.
                     for (size_t i = 0; i < again.size(); ++i)
                       if (d.wants(int(i))) again[i].set_grad(d.take(int(i)));
                     backward(y, dy);
                     for (size_t i = 0; i < again.size(); ++i)
                       if (Tensor g = d.wants(int(i)) ? again[i].grad() : Tensor(); g.defined())
                         d[int(i)] = std::move(g);
                   },
                   {.always = true});
  for (const Var& p : parameters)
    if (p.wants_grad()) out.node()->hidden.push_back(p.node());
  return out;
}

}  // namespace camo
