#include "nn/processes/shared_step.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "autograd/node.h"
#include "nn/processes/gradient_sum.h"
#include "tensor/ops/elementwise.h"
#include "tensor/pack.h"

namespace camo::nn {
namespace {

/// Each parameter in turn goes to the process that owns least so far.
std::vector<int> owners(const std::vector<Parameter>& parameters, int processes) {
  std::vector<int64_t> owned(size_t(processes), 0);
  std::vector<int> out;
  for (const Parameter& p : parameters) {
    const auto least = std::min_element(owned.begin(), owned.end());
    *least += p.var.value().numel();
    out.push_back(int(least - owned.begin()));
  }
  return out;
}

}  // namespace

/// Sees gradients become whole, and lets messages move between the nodes of a backward pass.
class SharedStep::Watch : public Observer {
 public:
  Watch(SharedStep& step, const Var& loss) : step_(step) {
    std::unordered_map<const Node*, bool> used;
    for (const Node* n : reachable(loss.node().get())) {
      if (n->leaf) used[n] = true;
      for (const auto& leaf : n->hidden) used[leaf.get()] = true;
    }
    for (size_t i = 0; i < step.parameters_.size(); ++i) {
      const Node* leaf = step.parameters_[i].var.node().get();
      if (!used.count(leaf)) step.whole_[i] = true;
      else number_[leaf] = i;
    }
    step.exchange_ready();
  }
  void whole(const Node& leaf) override {
    const auto found = number_.find(&leaf);
    if (found == number_.end()) return;
    step_.whole_[found->second] = true;
    step_.exchange_ready();
  }
  void backward(const Node&) override {
    step_.early_now_ = step_.all_bytes_;  // the last time, what left before the last node had run
    step_.all_.poll();
  }

 private:
  SharedStep& step_;
  std::unordered_map<const Node*, size_t> number_;
};

SharedStep::SharedStep(Module& model, Processes& all, int64_t bucket_bytes)
    : model_(model), all_(all), bucket_bytes_(bucket_bytes), owner_(owners(model.named_parameters(), all.count())) {
  const DType dtype = model.state().dtype;
  for (const Parameter& p : model.named_parameters())
    check<GraphError>(p.var.value().dtype() == dtype, "many processes: parameters have one dtype, got ", dtype, " and ",
                      p.var.value().dtype(), " (", p.name, ")");
  model.state().keep_measures = true;
}

SharedStep::~SharedStep() = default;

Device SharedStep::travels_on() const {
  const Device device = model_.state().device;
  return all_.reaches(device) ? device : Device{};
}

/// Frozen parameters take no part, and which are frozen may change from step to step.
void SharedStep::make_buckets() {
  parameters_ = model_.named_parameters();
  buckets_.clear();
  to_.assign(size_t(all_.count()), {});
  const int64_t full = bucket_bytes_ / size_of(model_.state().dtype);
  std::vector<size_t> open(to_.size(), SIZE_MAX);
  for (size_t i = parameters_.size(); i-- > 0;) {
    if (parameters_[i].frozen) continue;
    size_t& bucket = open[size_t(owner_[i])];
    if (bucket == SIZE_MAX) {
      bucket = buckets_.size();
      to_[size_t(owner_[i])].push_back(bucket);
      buckets_.push_back({.owner = owner_[i]});
    }
    Bucket& b = buckets_[bucket];
    b.parameters.push_back(i);
    b.numel += parameters_[i].var.value().numel();
    if (b.numel >= full) bucket = SIZE_MAX;
  }
}

void SharedStep::begin_round(int64_t passes) {
  make_buckets();
  passes_ = passes;
  sums_.resize(parameters_.size());
  whole_.assign(parameters_.size(), false);
  sent_.assign(parameters_.size(), {});
  bytes_before_ = all_bytes_;
  next_ = 0;
  arriving_.assign(to_.size(), {});
}

void SharedStep::watch(const Var& loss) { watch_ = std::make_unique<Watch>(*this, loss); }

/// A tensor of the bucket's numbers, one parameter after another; zeros where of(parameter) is null.
Tensor SharedStep::joined(const Bucket& bucket, const std::function<const Tensor*(size_t)>& of) const {
  Tensor out = empty({bucket.numel}, model_.state().dtype, travels_on());
  int64_t at = 0;
  for (size_t i : bucket.parameters) {
    const int64_t n = parameters_[i].var.value().numel();
    if (const Tensor* t = of(i)) copy_into(out.slice(at, at + n), t->to(travels_on()).reshape({n}));
    else fill(out.slice(at, at + n), 0);
    at += n;
  }
  return out;
}

Tensor SharedStep::gradients_of(const Bucket& bucket) {
  return joined(bucket, [&](size_t i) {
    const Tensor& gradient = parameters_[i].var.grad();
    sent_[i] = gradient;
    return gradient.defined() ? &gradient : nullptr;
  });
}

/// Starts the messages of the n-th buckets of all owners, for each n for which all of them are whole.
void SharedStep::exchange_ready() {
  const int me = all_.rank();
  const auto whole = [&](size_t n) {
    for (const std::vector<size_t>& buckets : to_)
      if (n < buckets.size())
        for (size_t i : buckets_[buckets[n]].parameters)
          if (!whole_[i]) return false;
    return true;
  };
  const auto most = std::max_element(to_.begin(), to_.end(), [](auto& a, auto& b) { return a.size() < b.size(); });
  for (; next_ < most->size() && whole(next_); ++next_) {
    std::vector<Message> out, in;
    for (int r = 0; r < all_.count(); ++r) {
      if (r == me) continue;
      if (me < passes_ && next_ < to_[size_t(r)].size()) {
        leaving_.push_back(gradients_of(buckets_[to_[size_t(r)][next_]]));
        out.push_back({r, leaving_.back().raw_write(), leaving_.back().bytes()});
        all_bytes_ += leaving_.back().bytes();
      }
      if (r < passes_ && next_ < to_[size_t(me)].size()) {
        Tensor& t = arriving_[size_t(r)].buckets.emplace_back(
            empty({buckets_[to_[size_t(me)][next_]].numel}, model_.state().dtype, travels_on()));
        in.push_back({r, t.raw_write(), t.bytes()});
      }
    }
    all_.exchange(out, in);
  }
}

void SharedStep::end_round() {
  const size_t me = size_t(all_.rank());
  watch_.reset();
  if (all_.rank() < passes_) {
    early_bytes_ += std::max<int64_t>(early_now_ - bytes_before_, 0);
    for (size_t i = 0; i < parameters_.size(); ++i)
      check<GraphError>(!sent_[i] || sent_[i]->storage() == parameters_[i].var.grad().storage(),
                        "many processes: the gradient of ", parameters_[i].name,
                        " has grown after it was whole [a checkpoint that does not name its parameters]");
  }
  whole_.assign(parameters_.size(), true);
  exchange_ready();
  exchange_flags();
  all_.finish();
  leaving_.clear();
  for (int64_t r = 0; r < passes_; ++r) {
    size_t flag = 0;
    for (size_t n = 0; n < to_[me].size(); ++n) {
      int64_t at = 0;
      for (size_t i : buckets_[to_[me][n]].parameters) {
        const Tensor& value = parameters_[i].var.value();
        if (r == all_.rank()) {
          Tensor mine = parameters_[i].var.grad();
          parameters_[i].var.clear_grad();  // so that its memory can become the sum's
          if (mine.defined()) add_gradient(sums_[i], std::move(mine));
        } else if (arriving_[size_t(r)].reached[flag]) {
          const Tensor got = arriving_[size_t(r)].buckets[n].slice(at, at + value.numel());
          add_gradient(sums_[i], got.reshape(value.shape()).to(value.device()));
        }
        at += value.numel(), ++flag;
      }
    }
  }
  arriving_.clear(), sent_.clear();
  zero_grad(model_);
}

/// Tells the owners which of their parameters a gradient has reached: one that none has reached is not the same as zeros.
void SharedStep::exchange_flags() {
  flags_.assign(to_.size(), {});
  for (int r = 0; r < all_.count(); ++r) {
    std::vector<char>& flags = flags_[size_t(r)];
    for (size_t b : to_[size_t(r)])
      for (size_t i : buckets_[b].parameters) flags.push_back(parameters_[i].var.grad().defined());
  }
  const int me = all_.rank();
  const int64_t owned = int64_t(flags_[size_t(me)].size());
  for (int r = 0; r < all_.count(); ++r) {
    if (r == me) continue;
    if (r < passes_ && owned > 0) {
      arriving_[size_t(r)].reached.resize(size_t(owned));
      all_.receive(r, arriving_[size_t(r)].reached.data(), owned);
    }
    if (me < passes_ && !flags_[size_t(r)].empty())
      all_.send(r, flags_[size_t(r)].data(), int64_t(flags_[size_t(r)].size()));
  }
}

void SharedStep::give() {
  for (size_t i = 0; i < sums_.size(); ++i)
    if (sums_[i].defined()) parameters_[i].var.set_grad(std::move(sums_[i]));
  sums_.clear();
}

NamedTensors SharedStep::collect(NamedTensors mine, const std::vector<std::string>& names) {
  std::string bytes;
  if (!all_.first())
    for (const auto& [name, t] : mine) pack(bytes, std::string_view(name)), pack(bytes, t);
  std::string size;
  pack(size, int64_t(bytes.size()));
  const std::vector<std::string> sizes = gather(all_, size);
  std::vector<std::string> got(sizes.size());
  for (size_t r = 1; r < got.size(); ++r) {
    std::string_view words = sizes[r];
    got[r].resize(all_.first() ? size_t(unpack_integer(words)) : 0);
    if (!got[r].empty()) all_.receive(int(r), got[r].data(), int64_t(got[r].size()));
  }
  if (!bytes.empty()) all_.send(0, bytes.data(), int64_t(bytes.size()));
  all_.finish();
  if (!all_.first()) return mine;
  std::map<std::string, Tensor> by_name(mine.begin(), mine.end());
  for (const std::string& words : got)
    for (std::string_view left = words; !left.empty();) {
      const std::string name = unpack_text(left);
      by_name[name] = unpack(left);
    }
  NamedTensors out;
  for (const std::string& name : names)
    if (const auto found = by_name.find(name); found != by_name.end()) out.emplace_back(name, found->second);
  return out;
}

void SharedStep::combine(std::vector<char>& reached, std::vector<double>& number) {
  std::string mine;
  for (size_t i = 0; i < reached.size(); ++i) {
    if (!owns(i)) continue;
    pack_struct(mine, reached[i]), pack_struct(mine, number[i]);
  }
  const std::vector<std::string> all = gather(all_, mine);
  std::vector<std::string_view> left(all.begin(), all.end());
  for (size_t i = 0; i < reached.size(); ++i) {
    std::string_view& of = left[size_t(owner_[i])];
    reached[i] = unpack_struct<char>(of), number[i] = unpack_struct<double>(of);
  }
}

void SharedStep::send_values(const std::vector<size_t>& parameters) {
  parameters_ = model_.named_parameters();
  std::vector<Bucket> of(size_t(all_.count()));
  for (size_t i : parameters) {
    Bucket& b = of[size_t(owner_[i])];
    b.owner = owner_[i], b.parameters.push_back(i), b.numel += parameters_[i].var.value().numel();
  }
  std::vector<Tensor> got(of.size());
  std::vector<Message> out, in;
  for (size_t r = 0; r < of.size(); ++r) {
    if (of[r].numel == 0) continue;
    if (int(r) == all_.rank()) {
      got[r] = joined(of[r], [&](size_t i) { return &parameters_[i].var.value(); });
      for (int to = 0; to < all_.count(); ++to)
        if (to != int(r)) out.push_back({to, got[r].raw_write(), got[r].bytes()});
    } else {
      got[r] = empty({of[r].numel}, model_.state().dtype, travels_on());
      in.push_back({int(r), got[r].raw_write(), got[r].bytes()});
    }
  }
  all_.exchange(out, in);
  all_.finish();
  for (size_t r = 0; r < of.size(); ++r) {
    if (int(r) == all_.rank()) continue;
    int64_t at = 0;
    for (size_t i : of[r].parameters) {
      const Tensor& value = parameters_[i].var.value();
      copy_into(value, got[r].slice(at, at + value.numel()).reshape(value.shape()).to(value.device()));
      at += value.numel();
    }
  }
}

}  // namespace camo::nn
