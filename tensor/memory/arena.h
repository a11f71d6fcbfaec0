// A best-fit arena over large pieces of host or device memory.  It never reads or writes that memory.
//
// Free blocks are sorted by size and address, so the same calls give the same addresses in every run.  Neighbouring
// blocks merge when freed, but only within one piece, because a CUDA driver refuses copies that span two of its
// allocations.  Not thread-safe: the owner holds a lock.
#pragma once

#include <map>
#include <set>

#include "tensor/memory/allocator.h"

namespace camo {

class Arena {
 public:
  /// take(bytes) gets a piece from the system, or nullptr.  Piece sizes are multiples of `piece`, block
  /// sizes of `align`.
  Arena(void* (*take)(int64_t bytes), int64_t piece, int64_t align) : take_(take), piece_(piece), align_(align) {}

  /// Returns nullptr when the system has no more memory.
  void* allocate(int64_t bytes);
  void release(void* p) noexcept;
  /// Forgets the pieces in which nothing is in use, and calls give_back(begin) for each.  Returns how many they were.
  template <class Give> int64_t drop_free_pieces(Give give_back);
  int64_t size_of(void* p) const { return blocks_.at(static_cast<char*>(p)).size; }
  MemoryStats stats() const;
  void reset_peak() { stats_.peak = stats_.in_use; }
  /// Calls see(begin, bytes) for every free block.
  template <class See> void each_free(See see) const {
    for (const auto& [size, begin] : free_) see(begin, size);
  }

 private:
  struct Block {
    int64_t size;
    bool free, begins_piece;
  };
  using Blocks = std::map<char*, Block>;
  using Free = std::set<std::pair<int64_t, char*>>;  // by size, then address

  /// Merges two neighbouring blocks if both are free and lie in one piece.
  void merge(Blocks::iterator left, Blocks::iterator right);

  void* (*take_)(int64_t);
  int64_t piece_, align_;
  Blocks blocks_;
  Free free_;
  MemoryStats stats_;
};

template <class Give> int64_t Arena::drop_free_pieces(Give give_back) {
  int64_t dropped = 0;
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    const auto next = std::next(block);
    const bool whole = block->second.begins_piece && (next == blocks_.end() || next->second.begins_piece);
    if (whole && block->second.free) {
      free_.erase({block->second.size, block->first});
      stats_.reserved -= block->second.size;
      give_back(block->first);
      blocks_.erase(block);
      ++dropped;
    }
    block = next;
  }
  return dropped;
}

}  // namespace camo
