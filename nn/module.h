// Module: parameters and buffers with names, and children found without a registry.
//
//   struct Mlp : Module {
//     Linear fc1, fc2;
//     Mlp(Scope s, int64_t dim, int64_t hidden)
//         : Module(std::move(s)), fc1(sub("fc1"), dim, hidden), fc2(sub("fc2"), hidden, dim) {}
//     Var forward(const Var& x) { return fc2.forward(gelu(fc1.forward(x))); }
//   };
//   Mlp net(Scope{.seed = 1}, 4, 16);
//
// A child is a member that is constructed with sub("name").  Without the name it does not compile, and the names are
// the keys of the state_dict.  Modules can be neither copied nor moved, so pointers to them stay valid.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/var.h"
#include "tensor/random.h"

namespace camo::nn {

/// State that all modules of one network share.
struct ModelState {
  Device device;
  DType dtype = DType::f32;  // dtype of the parameters
  uint64_t seed = 0;
  int64_t micro_step = 0;  // one per forward pass in training; part of every random key
  bool training = true;
  bool keep_measures = false;  // modules keep what they measure, for other processes: Module::measure()
  bool initialise = true;      // false: parameters start uninitialised, for weights from a file

  /// Starts the next micro-step: new random numbers, call counts reset to zero.
  void next_micro_step();
};

class Module;

/// Where a module is constructed: its path, its parent, and the network's state.  A Scope without parent makes a root.
struct Scope {
  Device device = {};
  DType dtype = DType::f32;
  uint64_t seed = 0;
  bool initialise = true;
  std::string path = {};  // "stages.0.blocks.1"
  std::string name = {};  // last part of the path
  Module* parent = nullptr;
  std::shared_ptr<ModelState> state = nullptr;  // created by the root
};

/// Computes the initial value of a parameter: see nn/init.h.
using Start = std::function<Tensor(const Shape& shape, const RandomKey& key, DType dtype)>;

/// The layout of a tensor in files.  Conv weights are (O, kh, kw, I) in memory and (O, I, kh, kw) in every file.
enum class FileLayout { same, conv };

struct ParameterOptions {
  bool decay = true;  // false for norms and biases
  FileLayout layout = FileLayout::same;
};

struct BufferOptions {
  bool saved = true;   // false: files do not contain it
  bool needed = true;  // false: older files lack it, and its value stays
};

struct Parameter {
  std::string name;  // full path in named_parameters(): "stages.0.blocks.1.attn.q.weight"
  const char* op;    // the name of its node in the graph: "weight"
  Var var;
  FileLayout layout = FileLayout::same;
  bool decay = true;  // false for norms and biases
  bool frozen = false;
};

/// State that changes without gradients (batch-norm statistics, balancing bias).  Module::fold() writes `staged`;
/// commit() makes it the value after an accepted optimizer step, discard() drops it.
struct Buffer {
  std::string name;
  Tensor value;
  Tensor staged = {};
  bool saved = true, needed = true;  // as in BufferOptions

  /// The staged value if there is one, else the value.  Later micro-steps of one optimizer step continue from it.
  const Tensor& latest() const { return staged.defined() ? staged : value; }
};

class Module {
 public:
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  /// All parameters of this module and its children, in order of construction, with names relative to this module.
  std::vector<Parameter> named_parameters() const;
  /// The same for buffers; the pointers stay valid as long as the module lives.
  std::vector<std::pair<std::string, Buffer*>> named_buffers() const;
  /// Appends the parameters without their names.
  void append_parameters(Vars& out) const;
  int64_t parameter_count() const;
  /// The direct children, in order of construction.
  const std::vector<Module*>& children() const { return children_; }

  ModelState& state() const { return *state_; }
  /// False in evaluation, and for a module that rests: see freeze().
  bool training() const { return state_->training && !rests_; }
  void train(bool on = true) { state_->training = on; }
  const std::string& path() const { return path_; }
  /// Excludes all parameters of this module from training: frozen parameters are constants in the graph.  A module whose
  /// parameters are all frozen rests: it computes as in evaluation, so its batch norm keeps its statistics, and its
  /// dropout and drop path are off.
  void freeze(bool on = true);
  /// Freezes the parameters for which frozen(name) is true, and no others.  Names are relative to this module.
  void freeze_where(const std::function<bool(const std::string& name)>& frozen);
  /// True if a parameter of this module is not frozen.
  bool learns() const;
  /// Asks for recomputation of all blocks in this module: nn/recompute.h.
  void recompute(bool on = true);
  bool recomputes() const { return recompute_; }

  /// Continues the staged buffers with what one forward pass in training has measured: the statistics of a batch, the
  /// choices of a router.  A process continues with what another one has measured in the same way.
  virtual void fold(const std::vector<Tensor>& measured);
  /// What this module has measured since the last call, if state().keep_measures: one entry a forward pass.
  std::vector<std::vector<Tensor>> take_measures() { return std::exchange(measures_, {}); }

 protected:
  explicit Module(Scope scope);
  Scope sub(const std::string& name);
  /// Registers a parameter on the network's device.  The returned reference stays valid.
  Var& parameter(const char* name, const Shape& shape, const Start& start, const ParameterOptions& options = {});
  /// Stands for an absent parameter (a layer without bias): undefined and not listed.
  Var& no_parameter() { return none_; }
  /// Registers a buffer; integer buffers stay on the host.
  Buffer& buffer(const char* name, Tensor init, const BufferOptions& options = {});
  /// Folds, and keeps a copy for take_measures().  For forward() in training, not when recomputing().
  void measure(std::vector<Tensor> measured);
  /// The key for this module's next random draw in this micro-step.
  RandomKey random_key(Domain domain) const;

 private:
  friend class InDouble;
  void collect(const std::string& prefix, std::vector<Parameter>* parameters,
               std::vector<std::pair<std::string, Buffer*>>* buffers) const;
  void freeze(const std::string& prefix, const std::function<bool(const std::string&)>& frozen);
  void update_rest(bool parent_rests);

  bool rests_ = false;  // see freeze()
  std::string path_, name_;
  bool recompute_ = false;
  Var none_;
  std::shared_ptr<ModelState> state_;
  std::vector<Module*> children_;
  std::vector<std::unique_ptr<Parameter>> parameters_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<std::vector<Tensor>> measures_;
};

/// Modules numbered 0, 1, ...:  List<Block> blocks(sub("blocks"));  blocks.add(dim, heads);  add<U>() adds a subclass.
template <class T> class List : public Module {
 public:
  explicit List(Scope scope) : Module(std::move(scope)) {}
  template <class U = T, class... Args> U& add(Args&&... args) {
    auto item = std::make_unique<U>(sub(std::to_string(items_.size())), std::forward<Args>(args)...);
    U& out = *item;
    items_.push_back(std::move(item));
    return out;
  }
  int64_t size() const { return int64_t(items_.size()); }
  T& operator[](int64_t i) const { return *items_.at(size_t(i)); }
  auto begin() const { return items_.begin(); }  // of unique_ptr<T>
  auto end() const { return items_.end(); }

 private:
  std::vector<std::unique_ptr<T>> items_;
};

/// Makes everything staged in the module current, or drops it.
void commit(Module& module);
void discard(Module& module);
void zero_grad(Module& module);

}  // namespace camo::nn
