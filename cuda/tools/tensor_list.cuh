// Processes many tensors in one launch: a network has hundreds of parameters, most of them small.
//
// A table of items is uploaded once per call.  Every item is cut into pieces of kItemPiece elements, the pieces of all
// items are numbered, and a block finds the item of its piece by bisection.
#pragma once

#include <vector>

#include "cuda/runtime.h"
#include "cuda/tools/pack.cuh"
#include "tensor/memory/scratch.h"

namespace camo::cuda {

constexpr int64_t kItemPiece = 4096;

/// The table on the device.  Item must have n (its elements) and first (the index of its first piece, set here).
template <class Item> class ItemTable {
 public:
  ItemTable(Cuda where, std::vector<Item> items) : count(int64_t(items.size())), on_device_(where, count) {
    for (Item& item : items) item.first = pieces, pieces += (item.n + kItemPiece - 1) / kItemPiece;
    upload(where, items.data(), on_device_, count * int64_t(sizeof(Item)));
  }
  operator const Item*() const { return on_device_; }

  int64_t count, pieces = 0;

 private:
  Scratch<Item> on_device_;
};

/// The item of a piece: the last one that begins at or before it, because empty items have no piece.
template <class Item> __device__ Item item_of(const Item* items, int64_t count, int64_t piece) {
  int64_t low = 0, high = count - 1;
  while (low < high) {
    const int64_t middle = (low + high + 1) / 2;
    if (items[middle].first <= piece) low = middle;
    else high = middle - 1;
  }
  return items[low];
}

}  // namespace camo::cuda
