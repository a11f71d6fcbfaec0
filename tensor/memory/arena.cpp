#include "tensor/memory/arena.h"

#include <algorithm>

#include "tensor/scalar/integer.h"

namespace camo {

void* Arena::allocate(int64_t bytes) {
  const int64_t size = round_up(std::max<int64_t>(bytes, 1), align_);
  auto fit = free_.lower_bound({size, nullptr});
  if (fit == free_.end()) {
    const int64_t piece = round_up(size, piece_);
    char* taken = static_cast<char*>(take_(piece));
    if (!taken) return nullptr;
    stats_.reserved += piece;
    blocks_[taken] = {piece, true, true};
    fit = free_.insert({piece, taken}).first;
  }
  auto [have, begin] = *fit;
  free_.erase(fit);
  if (have > size) {
    blocks_[begin + size] = {have - size, true, false};
    free_.insert({have - size, begin + size});
  }
  blocks_[begin].size = size, blocks_[begin].free = false;
  stats_.in_use += size;
  stats_.peak = std::max(stats_.peak, stats_.in_use);
  ++stats_.allocations;
  return begin;
}

void Arena::release(void* p) noexcept {
  auto block = blocks_.find(static_cast<char*>(p));
  block->second.free = true;
  stats_.in_use -= block->second.size;
  free_.insert({block->second.size, block->first});
  if (auto next = std::next(block); next != blocks_.end()) merge(block, next);
  if (block != blocks_.begin()) merge(std::prev(block), block);
}

void Arena::merge(Blocks::iterator left, Blocks::iterator right) {
  if (!left->second.free || !right->second.free || right->second.begins_piece) return;
  free_.erase({left->second.size, left->first});
  free_.erase({right->second.size, right->first});
  left->second.size += right->second.size;
  blocks_.erase(right);
  free_.insert({left->second.size, left->first});
}

MemoryStats Arena::stats() const {
  MemoryStats out = stats_;
  out.largest_free = free_.empty() ? 0 : free_.rbegin()->first;
  return out;
}

}  // namespace camo
