#include "examples/camo/export/onnx/graph.h"

#include <charconv>

#include "tensor/ops/layout.h"

namespace camo::program::onnx {
namespace {

// TensorProto.DataType and AttributeProto.AttributeType.
constexpr int kFloat = 1, kInt64 = 7;
constexpr int kTypeFloat = 1, kTypeInt = 2, kTypeString = 3, kTypeGraph = 5, kTypeInts = 7;

Attribute named_attribute(const char* name, int type) {
  Attribute out;
  return out.bytes(1, name).integer(20, type);
}

/// ValueInfoProto of an f32 tensor; without axes its shape is not said.
wire::Message value_info(const std::string& name, const std::vector<std::string>& axes) {
  wire::Message shape, tensor, type, out;
  for (const std::string& axis : axes) {
    wire::Message dim;
    int64_t length = 0;
    const bool number = std::from_chars(axis.data(), axis.data() + axis.size(), length).ec == std::errc();
    shape.message(1, number ? dim.integer(1, length) : dim.bytes(2, axis));
  }
  tensor.integer(1, kFloat);
  if (!axes.empty()) tensor.message(2, shape);
  return out.bytes(1, name).message(2, type.message(1, tensor));
}

}  // namespace

Attribute attribute(const char* name, int64_t value) { return named_attribute(name, kTypeInt).integer(3, value); }
Attribute attribute(const char* name, double value) {
  return named_attribute(name, kTypeFloat).real32(2, float(value));
}
Attribute attribute(const char* name, const char* value) { return named_attribute(name, kTypeString).bytes(4, value); }
Attribute attribute(const char* name, const std::vector<int64_t>& values) {
  Attribute out = named_attribute(name, kTypeInts);
  for (int64_t v : values) out.integer(8, v);
  return out;
}

Value GraphBuilder::input(const std::string& name, const std::vector<std::string>& axes) {
  scopes_.front().graph.message(11, value_info(name, axes));
  return {name, Layout::first};
}

void GraphBuilder::output(const std::string& name, const Value& x, const std::vector<std::string>& axes) {
  wire::Message out;
  scopes_.front().graph.message(1, out.bytes(1, x.name).bytes(2, name).bytes(3, name).bytes(4, "Identity"));
  scopes_.front().graph.message(12, value_info(name, axes));
}

std::string GraphBuilder::model(const std::map<std::string, std::string>& about) const {
  wire::Message model, operators, graph = scopes_.front().graph;
  model.integer(1, 8).bytes(2, "camo").bytes(3, CAMO_VERSION);  // the version of the format, and the program
  model.message(8, operators.bytes(1, "").integer(2, 17));
  for (const auto& [key, value] : about) {
    wire::Message entry;
    model.message(14, entry.bytes(1, key).bytes(2, value));
  }
  return model.message(7, graph.bytes(2, "camo")).encoded();
}

Values GraphBuilder::nodes(const char* op, const Values& inputs, const std::vector<Attribute>& attributes,
                           Layout layout, int64_t count) {
  wire::Message node;
  const std::string name = text(part_, part_.empty() ? "" : "/", op, "_", count_++);
  Values outputs;
  for (const Value& x : inputs) node.bytes(1, x.name);
  for (int64_t i = 0; i < count; ++i) {
    outputs.push_back({count == 1 ? name : text(name, ".", i), layout});
    node.bytes(2, outputs.back().name);
  }
  node.bytes(3, name).bytes(4, op);
  for (const Attribute& a : attributes) node.message(5, a);
  scopes_.back().graph.message(1, node);
  return outputs;
}

Value GraphBuilder::node(const char* op, const Values& inputs, const std::vector<Attribute>& attributes,
                         Layout layout) {
  return nodes(op, inputs, attributes, layout, 1)[0];
}

Value GraphBuilder::node(const char* op, const Values& inputs, const std::vector<Attribute>& attributes) {
  return node(op, inputs, attributes, inputs.at(0).layout);
}

wire::Message GraphBuilder::subgraph(const char* name, const std::function<Value()>& make, Layout* layout) {
  scopes_.emplace_back();
  const Value y = make();
  if (*layout == Layout::other) *layout = y.layout;
  const Value out = node("Identity", {in(*layout, y)});  // y may come from outside
  wire::Message graph = std::move(scopes_.back().graph);
  scopes_.pop_back();
  return graph.bytes(2, name).message(12, value_info(out.name, {}));
}

Value GraphBuilder::branch(const Value& condition, const std::function<Value()>& then,
                           const std::function<Value()>& otherwise) {
  Layout layout = Layout::other;
  std::vector<Attribute> attributes;
  attributes.push_back(named_attribute("then_branch", kTypeGraph).message(6, subgraph("then", then, &layout)));
  attributes.push_back(named_attribute("else_branch", kTypeGraph).message(6, subgraph("else", otherwise, &layout)));
  return node("If", {condition}, attributes, layout);
}

Value GraphBuilder::once(const std::string& key, const std::function<Value()>& make) {
  for (const Scope& scope : scopes_)
    if (auto found = scope.known.find(key); found != scope.known.end()) return found->second;
  const Value made = make();
  return scopes_.back().known[key] = made;
}

Value GraphBuilder::initializer(const std::string& name, int type, const std::vector<int64_t>& axes,
                                std::string_view bytes) {
  wire::Message tensor;
  for (int64_t n : axes) tensor.integer(1, n);
  scopes_.back().graph.message(5, tensor.integer(2, type).bytes(8, name).bytes(9, bytes));
  return {name};
}

Value GraphBuilder::weight(const std::string& name, const Tensor& x) {
  return once("weight " + name, [&] {
    const Tensor numbers = cast(x, DType::f32).to(Device{});
    return initializer(name, kFloat, {x.shape().begin(), x.shape().end()},
                       {static_cast<const char*>(numbers.raw()), size_t(numbers.bytes())});
  });
}

Value GraphBuilder::integers(const std::vector<int64_t>& values) {
  std::string key = "integers";
  for (int64_t v : values) key += text(" ", v);
  return once(key, [&] {
    return initializer(text("integers_", count_++), kInt64, {int64_t(values.size())},
                       {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int64_t)});
  });
}

Value GraphBuilder::integer(int64_t value) {
  return once(text("integer ", value), [&] {
    return initializer(text("integer_", count_++), kInt64, {}, {reinterpret_cast<const char*>(&value), sizeof value});
  });
}

Value GraphBuilder::number(double value) {
  const float narrow = float(value);
  return once(text("number ", std::bit_cast<uint32_t>(narrow)), [&] {
    return initializer(text("number_", count_++), kFloat, {}, {reinterpret_cast<const char*>(&narrow), sizeof narrow});
  });
}

Value GraphBuilder::in(Layout layout, const Value& x) {
  if (x.layout == layout || x.layout == Layout::other) return x;
  return once(text("layout ", int(layout), " ", x.name), [&] {
    const bool last = layout == Layout::last;
    const Value y = transpose(x, last ? std::vector<int64_t>{0, 2, 3, 1} : std::vector<int64_t>{0, 3, 1, 2}, layout);
    scopes_.back().known[text("layout ", int(x.layout), " ", y.name)] = x;
    return y;
  });
}

Value GraphBuilder::binary(const char* op, const Value& a, const Value& b) {
  if (a.layout == Layout::other) return node(op, {a, b}, {}, b.layout);
  return node(op, {a, in(a.layout, b)});
}

Value GraphBuilder::concat(const Values& maps) {
  const Layout layout = maps.at(0).layout;
  Values parts;
  for (const Value& x : maps) parts.push_back(in(layout, x));
  return node("Concat", parts, {attribute("axis", layout == Layout::first ? 1 : -1)});
}

Value GraphBuilder::size(const Value& map) {
  const int begin = map.layout == Layout::first ? 2 : 1;
  return once("size " + map.name, [&] {
    return node("Shape", {map}, {attribute("start", begin), attribute("end", begin + 2)}, Layout::other);
  });
}

Value GraphBuilder::reshape(const Value& x, std::vector<int64_t> axes, Layout layout) {
  axes.insert(axes.begin(), 0);  // 0 keeps the length
  return node("Reshape", {x, integers(axes)}, {}, layout);
}

Value GraphBuilder::to_map(const Value& x, const Value& like, int64_t channels) {
  const Value shape = node("Concat", {integers({0}), size(like), integers({channels})}, {attribute("axis", 0)});
  return node("Reshape", {x, shape}, {}, Layout::last);
}

Value GraphBuilder::transpose(const Value& x, const std::vector<int64_t>& order, Layout layout) {
  return node("Transpose", {x}, {attribute("perm", order)}, layout);
}

}  // namespace camo::program::onnx
