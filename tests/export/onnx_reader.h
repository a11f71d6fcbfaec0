// Reads an ONNX file as far as the tests need it.  Field numbers: onnx.proto of ONNX 1.12.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/error.h"

namespace camo::test {

/// A field of a protocol buffer's message: an integer, or bytes (of a text, a message or a float).
struct WireField {
  int number;
  uint64_t integer = 0;
  std::string_view bytes = {};
};

/// The fields of a message, as views of it.  DataError where it ends early or has an unknown kind of value.
inline std::vector<WireField> wire_fields(std::string_view in) {
  const auto take = [&](size_t n) {
    check<DataError>(n <= in.size(), "wire: ends early");
    const std::string_view out = in.substr(0, n);
    in.remove_prefix(n);
    return out;
  };
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = uint8_t(take(1)[0]);
      value |= uint64_t(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  std::vector<WireField> out;
  while (!in.empty()) {
    const uint64_t tag = varint();
    WireField& field = out.emplace_back(WireField{int(tag >> 3)});
    switch (tag & 7) {
      case 0: field.integer = varint(); break;
      case 1: field.bytes = take(8); break;
      case 2: field.bytes = take(varint()); break;
      case 5: field.bytes = take(4); break;
      default: throw DataError(text("wire: unknown kind ", tag & 7));
    }
  }
  return out;
}

struct OnnxTensor {
  std::vector<int64_t> axes;
  int64_t type = 0;  // 1: f32, 7: i64
  std::string name;
  std::string_view data;
};

struct OnnxGraph;
struct OnnxNode {
  std::vector<std::string> inputs, outputs;
  std::string name, op;
  std::vector<std::shared_ptr<OnnxGraph>> branches;  // then, else
};

/// An input or output: an axis is a number or a name.
struct OnnxPort {
  std::string name;
  std::vector<std::string> axes;
};

struct OnnxGraph {
  std::vector<OnnxNode> nodes;
  std::vector<OnnxTensor> initializers;
  std::vector<OnnxPort> inputs, outputs;
};

struct OnnxModel {
  std::shared_ptr<const std::string> bytes;  // of the file; the tensors are views of it
  int64_t format = 0, operators = 0;
  std::map<std::string, std::string> about;
  OnnxGraph graph;
};

inline OnnxTensor read_onnx_tensor(std::string_view bytes) {
  OnnxTensor out;
  for (const WireField& f : wire_fields(bytes)) {
    if (f.number == 1) out.axes.push_back(int64_t(f.integer));
    if (f.number == 2) out.type = int64_t(f.integer);
    if (f.number == 8) out.name = f.bytes;
    if (f.number == 9) out.data = f.bytes;
  }
  return out;
}

inline OnnxPort read_onnx_port(std::string_view bytes) {
  OnnxPort out;
  for (const WireField& info : wire_fields(bytes)) {
    if (info.number == 1) out.name = info.bytes;
    if (info.number != 2) continue;
    for (const WireField& tensor : wire_fields(wire_fields(info.bytes).at(0).bytes))
      if (tensor.number == 2)
        for (const WireField& dim : wire_fields(tensor.bytes)) {
          const WireField length = wire_fields(dim.bytes).at(0);
          out.axes.push_back(length.number == 1 ? std::to_string(length.integer) : std::string(length.bytes));
        }
  }
  return out;
}

inline OnnxGraph read_onnx_graph(std::string_view bytes);

inline OnnxNode read_onnx_node(std::string_view bytes) {
  OnnxNode out;
  for (const WireField& f : wire_fields(bytes)) {
    if (f.number == 1) out.inputs.emplace_back(f.bytes);
    if (f.number == 2) out.outputs.emplace_back(f.bytes);
    if (f.number == 3) out.name = f.bytes;
    if (f.number == 4) out.op = f.bytes;
    if (f.number == 5)
      for (const WireField& attribute : wire_fields(f.bytes))
        if (attribute.number == 6)
          out.branches.push_back(std::make_shared<OnnxGraph>(read_onnx_graph(attribute.bytes)));
  }
  return out;
}

inline OnnxGraph read_onnx_graph(std::string_view bytes) {
  OnnxGraph out;
  for (const WireField& f : wire_fields(bytes)) {
    if (f.number == 1) out.nodes.push_back(read_onnx_node(f.bytes));
    if (f.number == 5) out.initializers.push_back(read_onnx_tensor(f.bytes));
    if (f.number == 11) out.inputs.push_back(read_onnx_port(f.bytes));
    if (f.number == 12) out.outputs.push_back(read_onnx_port(f.bytes));
  }
  return out;
}

inline OnnxModel read_onnx(std::string bytes) {
  OnnxModel out;
  out.bytes = std::make_shared<const std::string>(std::move(bytes));
  for (const WireField& f : wire_fields(*out.bytes)) {
    if (f.number == 1) out.format = int64_t(f.integer);
    if (f.number == 7) out.graph = read_onnx_graph(f.bytes);
    if (f.number == 8) out.operators = int64_t(wire_fields(f.bytes).at(1).integer);
    if (f.number == 14) out.about[std::string(wire_fields(f.bytes).at(0).bytes)] = wire_fields(f.bytes).at(1).bytes;
  }
  return out;
}

}  // namespace camo::test
