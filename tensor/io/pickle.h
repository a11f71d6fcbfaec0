// Pickles, read as data and never run.
//
// A pickle is a program for a stack machine whose REDUCE calls any function of Python.  This machine knows the
// few instructions that describe a dict of tensors, and instead of calling what is named it looks it up in a list
// of ten storage types and four harmless names; everything else is refused by its name.
// Values are 16 bytes, nothing owns anything, nothing recurses: memory is at most some sixty times the pickle's length
// and never more than 256 MiB, and a container that contains itself is only a number.  What is inside lists is dropped:
// no weights.
// Format: Python's pickletools, which documents every instruction.  Internal to tensor/io/torch_file.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace camo::detail {

struct Value {
  enum Kind : uint8_t { none, boolean, integer, number, text, tuple, list, dict, global, storage, tensor };
  Kind kind = none;
  uint32_t count = 0;  // bytes of a text; values of a tuple, storage or tensor
  int64_t at = 0;      // an integer itself; where a text lies in the pickle, where a tuple, storage or tensor
                       // lies in the pool; the number of a dict; the row of a global
};
const char* name(Value::Kind kind);

/// The type of a storage, as a global names it.
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
  std::vector<Item> items;  // of all dicts, in the order they were set
  Value top;

  std::string_view text(Value v) const { return bytes.substr(size_t(v.at), v.count); }
  /// Value i of a tuple; of a tensor: the arguments of torch._utils._rebuild_tensor_v2, which begin with
  /// storage, offset, size, strides; of a storage: "storage", type, key, location, count of numbers.
  Value part(Value v, uint32_t i) const { return pool[size_t(v.at) + i]; }
  const StorageType& type(Value storage) const;
};

/// Throws WeightsError that begins with `who`.  The result points into `bytes`.
Pickled read_pickle(std::string_view bytes, const std::string& who);

}  // namespace camo::detail
