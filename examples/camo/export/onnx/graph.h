// GraphBuilder: writes the graph of an ONNX file, a node at a time.
//
//   GraphBuilder g;
//   Value x = g.input("image", {"batch", "3", "height", "width"});
//   g.output("y", g.node("Relu", {x}));
//   write_file("relu.onnx", g.model({{"model", "relu"}}));
//
// Camo's maps are (B, H, W, C); ONNX's convolutions and poolings take (B, C, H, W), and its layer norm the former.
// So a Value knows its layout, an op asks for the one that it needs, and the builder inserts the transposes.
// Messages and field numbers: onnx.proto of ONNX 1.12, operator set 17.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/io/wire.h"

namespace camo::program::onnx {

/// Where the channels of a map are: first is (B, C, H, W), last is (B, H, W, C); other is no map.
enum class Layout { other, first, last };

/// An input, an initializer or an output of a node.
struct Value {
  std::string name;
  Layout layout = Layout::other;
};
using Values = std::vector<Value>;

/// AttributeProto.
using Attribute = wire::Message;
Attribute attribute(const char* name, int64_t value);
inline Attribute attribute(const char* name, int value) { return attribute(name, int64_t(value)); }
Attribute attribute(const char* name, double value);
Attribute attribute(const char* name, const char* value);
Attribute attribute(const char* name, const std::vector<int64_t>& values);

class GraphBuilder {
 public:
  GraphBuilder() : scopes_(1) {}

  /// An input (f32); an axis is a number or a name.
  Value input(const std::string& name, const std::vector<std::string>& axes);
  /// Ends the graph: x is an output (f32) with that name.
  void output(const std::string& name, const Value& x, const std::vector<std::string>& axes);
  /// The bytes of the file.  `about` becomes the model's metadata.
  std::string model(const std::map<std::string, std::string>& about) const;

  /// A node with one output, in the layout of its first input unless another is given.
  Value node(const char* op, const Values& inputs, const std::vector<Attribute>& attributes = {});
  Value node(const char* op, const Values& inputs, const std::vector<Attribute>& attributes, Layout layout);
  /// A node with `count` outputs.
  Values nodes(const char* op, const Values& inputs, const std::vector<Attribute>& attributes, Layout layout,
               int64_t count);
  /// Runs one of two parts of the graph: condition is one boolean.  Both return a map in one layout.
  Value branch(const Value& condition, const std::function<Value()>& then, const std::function<Value()>& otherwise);

  /// An initializer with the numbers of x, f32.
  Value weight(const std::string& name, const Tensor& x);
  /// Constants without a name of their own: equal ones are one initializer.
  Value integers(const std::vector<int64_t>& values);
  Value integer(int64_t value);  // of rank 0
  Value number(double value);    // f32, of rank 0

  /// The map with its channels first, or last.
  Value first(const Value& x) { return in(Layout::first, x); }
  Value last(const Value& x) { return in(Layout::last, x); }
  Value in(Layout layout, const Value& x);
  /// a op b; b is brought to the layout of a.
  Value binary(const char* op, const Value& a, const Value& b);
  /// Joins the channels of maps, in the layout of the first.
  Value concat(const Values& maps);
  /// Height and width of a map: (2) i64.
  Value size(const Value& map);
  /// Gives x (B, ...) these axes after B; a number may be -1, for what is left.
  Value reshape(const Value& x, std::vector<int64_t> axes, Layout layout = Layout::other);
  /// Gives x (B, N, C) the height and width of a map: (B, H, W, C).
  Value to_map(const Value& x, const Value& like, int64_t channels);
  Value transpose(const Value& x, const std::vector<int64_t>& order, Layout layout = Layout::other);

 private:
  friend class Part;
  struct Scope {
    wire::Message graph;                 // GraphProto
    std::map<std::string, Value> known;  // what need not be made twice
  };
  /// The value that `key` names in this scope or one around it; if there is none, what make() returns.
  Value once(const std::string& key, const std::function<Value()>& make);
  Value initializer(const std::string& name, int type, const std::vector<int64_t>& axes, std::string_view bytes);
  wire::Message subgraph(const char* name, const std::function<Value()>& make, Layout* layout);

  std::vector<Scope> scopes_;  // the graph, and the branches that are being written
  std::string part_;
  int64_t count_ = 0;
};

/// While one exists, nodes are named after a module.
class Part {
 public:
  Part(GraphBuilder& g, const nn::Module& module) : g_(g), before_(g.part_) { g.part_ = module.path(); }
  ~Part() { g_.part_ = before_; }
  Part(const Part&) = delete;

 private:
  GraphBuilder& g_;
  std::string before_;
};

}  // namespace camo::program::onnx
