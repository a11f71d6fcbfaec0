// Reads pickles as data and never runs them.
//
// A pickle is a program for a stack machine whose REDUCE instruction can call any Python function.  This machine knows
// only the instructions that describe a dict of tensors.  It calls nothing: it looks up the names of functions in a
// list of ten storage types and five harmless names.  Everything else is refused by name.
// Values are 16 bytes and refer to others by index, and nothing recurses.  So the memory of a pickle stays below about
// 60 times its length and below 320 MiB, and a container that contains itself does no harm.  The contents of lists are
// dropped unless asked for, because weights have none.
// Format: Python's pickletools documents every instruction.  Internal to tensor/io/torch_container.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/error.h"

namespace camo::detail {

struct Value {
  enum Kind : uint8_t { none, boolean, integer, number, text, tuple, list, dict, global, storage, tensor };
  Kind kind = none;
  uint32_t count = 0;  // length: bytes of a text; values of a tuple, storage or tensor
  int64_t at = 0;      // an integer itself; where a text lies in the pickle, where a tuple, storage or tensor
                       // lies in the pool; the number of a dict or list; the row of a global; where the bytes
                       // of an integer lie that is too long for 64 bits
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

  std::string_view bytes;  // from PROTO to STOP
  std::vector<Value> pool;
  std::vector<Item> items;      // items of all dicts, in the order they were set; those of lists if asked for
  std::vector<Value> storages;  // every storage that the pickle names, in order, perhaps more than once
  Value top;

  std::string_view text(Value v) const { return bytes.substr(size_t(v.at), v.count); }
  /// Value i of a tuple, storage or tensor.  A storage has: "storage", type, key, location, count of numbers.  A tensor
  /// has the arguments of torch._utils._rebuild_tensor or _v2, which begin with storage, offset, size, strides.
  Value part(Value v, uint32_t i) const { return pool[size_t(v.at) + i]; }
  const StorageType& type(Value storage) const;
};

struct PickleUse {
  const char* name = "data.pkl";  // what errors call it
  bool alone = true;              // refuse bytes after its end
  bool lists = false;             // keep the values of lists, as items without a key
};

/// The pickle does not end within the bytes given.
struct PickleCut : WeightsError {
  using WeightsError::WeightsError;
};

/// Throws WeightsError with a text that begins with `who`.  The result points into `bytes`.
Pickled read_pickle(std::string_view bytes, const std::string& who, const PickleUse& use = {});

}  // namespace camo::detail
