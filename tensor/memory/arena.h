// Best-fit arena over large pieces of memory, of the host or of a device; it never looks into what it hands out.
//
// Free blocks are known by size and address, so that the same calls give the same addresses in every run;
// neighbours of one piece merge when they are freed: a driver refuses copies that reach from one of its allocations into
// the next.  Not safe for threads: the owner holds a lock.
#pragma once

#include <map>
#include <set>

#include "tensor/memory/allocator.h"

namespace camo {

class Arena {
 public:
  /// take(bytes) gets a piece from the system, or nullptr; pieces are multiples of `piece` bytes, blocks of `align`.
  Arena(void* (*take)(int64_t bytes), int64_t piece, int64_t align) : take_(take), piece_(piece), align_(align) {}

  /// nullptr when the system has no more.
  void* allocate(int64_t bytes);
  void release(void* p) noexcept;
  int64_t size_of(void* p) const { return blocks_.at(static_cast<char*>(p)).size; }
  MemoryStats stats() const;
  void reset_peak() { stats_.peak = stats_.in_use; }

 private:
  struct Block {
    int64_t size;
    bool free, begins_piece;
  };
  using Blocks = std::map<char*, Block>;
  using Free = std::set<std::pair<int64_t, char*>>;  // by size, then address

  /// Makes one block of two neighbours when both are free and of one piece.
  void merge(Blocks::iterator left, Blocks::iterator right);

  void* (*take_)(int64_t);
  int64_t piece_, align_;
  Blocks blocks_;
  Free free_;
  MemoryStats stats_;
};

}  // namespace camo
