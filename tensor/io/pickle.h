// Reads pickles as data and never runs them.
//
// A pickle is a program for a stack machine whose REDUCE instruction can call any Python function.  This machine knows
// only the instructions that describe a dict of tensors.  It calls nothing: it looks up the names of functions in a
// list of ten storage types and four harmless names.  Everything else is refused by name.
// Values are 16 bytes and refer to others by index, and nothing recurses.  So memory stays below about 60 times the
// pickle's length and below 256 MiB, and a container that contains itself does no harm.  The contents of lists are
// dropped, because weights have none.
// Format: Python's pickletools documents every instruction.  Internal to tensor/io/torch_file.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace camo::detail {

struct Value {
  enum Kind : uint8_t { none, boolean, integer, number, text, tuple, list, dict, global, storage, tensor };
  Kind kind = none;
  uint32_t count = 0;  // length: bytes of a text; values of a tuple, storage or tensor
  int64_t at = 0;      // an integer itself; where a text lies in the pickle, where a tuple, storage or tensor
                       // lies in the pool; the number of a dict; the row of a global
};
const char* name(Value::Kind kind);

/// The element type of a storage, as PyTorch's global names it.
struct StorageType {
  std::string_view global, dtype;
  int64_t size;
};

struct Pickled {
  struct Item {
    int64_t dict;
    Value key, value;
  };

  std::string_view bytes;
  std::vector<Value> pool;
  std::vector<Item> items;  // items of all dicts, in the order they were set
  Value top;

  std::string_view text(Value v) const { return bytes.substr(size_t(v.at), v.count); }
  /// Value i of a tuple, storage or tensor.  A storage has: "storage", type, key, location, count of numbers.  A tensor
  /// has the arguments of torch._utils._rebuild_tensor_v2, which begin with storage, offset, size, strides.
  Value part(Value v, uint32_t i) const { return pool[size_t(v.at) + i]; }
  const StorageType& type(Value storage) const;
};

/// Throws WeightsError with a text that begins with `who`.  The result points into `bytes`.
Pickled read_pickle(std::string_view bytes, const std::string& who);

}  // namespace camo::detail
