// The arena behind the caching allocators: blocks never overlap, neighbours merge, and a full system gives nullptr.
#include "tensor/memory/arena.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "tensor/random.h"

using namespace camo;

namespace {

constexpr int64_t kPiece = 1 << 16, kAlign = 64;
int pieces_left = 0;

void* take(int64_t bytes) { return pieces_left-- > 0 ? std::aligned_alloc(size_t(kAlign), size_t(bytes)) : nullptr; }

}  // namespace

TEST_CASE("blocks in use never overlap, and after release all merge again") {
  pieces_left = 1000;
  Arena arena(take, kPiece, kAlign);
  Random random({.seed = 3, .domain = Domain::test});
  std::map<char*, int64_t> held;
  int64_t in_use = 0;
  for (int step = 0; step < 5000; ++step) {
    if (held.empty() || random.uniform() < 0.55) {
      const int64_t bytes = random.below(3000) * (random.uniform() < 0.02 ? 40 : 1);
      char* p = static_cast<char*>(arena.allocate(bytes));
      REQUIRE(p != nullptr);
      CHECK(reinterpret_cast<uintptr_t>(p) % kAlign == 0);
      auto after = held.lower_bound(p);
      if (after != held.end()) REQUIRE(p + bytes <= after->first);
      if (after != held.begin()) REQUIRE(std::prev(after)->first + std::prev(after)->second <= p);
      held[p] = arena.size_of(p);
      in_use += held[p];
    } else {
      auto it = std::next(held.begin(), random.below(int64_t(held.size())));
      in_use -= it->second;
      arena.release(it->first);
      held.erase(it);
    }
    CHECK(arena.stats().in_use == in_use);
  }
  for (const auto& [p, size] : held) arena.release(p);
  const MemoryStats end = arena.stats();
  CHECK(end.in_use == 0);
  CHECK(end.peak <= end.reserved);
  CHECK(end.largest_free >= kPiece);  // pieces are whole again, so the next large block needs no new one
  const int64_t reserved = end.reserved;
  arena.release(arena.allocate(kPiece));
  CHECK(arena.stats().reserved == reserved);
}

TEST_CASE("adjacent pieces do not merge") {
  static std::vector<char> memory(size_t(2 * kPiece) + kAlign);
  static char* next = memory.data();
  Arena arena([](int64_t bytes) -> void* { return std::exchange(next, next + bytes); }, kPiece, kAlign);
  void *first = arena.allocate(kPiece), *second = arena.allocate(kPiece);
  REQUIRE(static_cast<char*>(first) + kPiece == second);
  arena.release(second);
  arena.release(first);
  CHECK(arena.stats().largest_free == kPiece);
  CHECK(arena.allocate(kPiece) == first);
}

TEST_CASE("when the system has no more memory, allocate returns nullptr and blocks in use stay valid") {
  pieces_left = 1;
  Arena arena(take, kPiece, kAlign);
  void* half = arena.allocate(kPiece / 2);
  REQUIRE(half != nullptr);
  CHECK(arena.allocate(kPiece) == nullptr);
  const MemoryStats stats = arena.stats();
  CHECK(stats.in_use == kPiece / 2);
  CHECK(stats.reserved == kPiece);
  CHECK(stats.largest_free == kPiece / 2);
  CHECK(arena.allocate(kPiece / 2) != nullptr);
  arena.release(half);
  CHECK(arena.allocate(kPiece / 2) == half);
}

TEST_CASE("pieces without a block in use go back to the system, and others stay") {
  pieces_left = 2;
  Arena arena(take, kPiece, kAlign);
  void *kept = arena.allocate(kPiece / 2), *second = arena.allocate(kPiece), *third = arena.allocate(kPiece / 4);
  REQUIRE(third != nullptr);
  CHECK(arena.allocate(2 * kPiece) == nullptr);
  arena.release(second), arena.release(third);  // the third lies behind the first, in its piece
  std::vector<void*> returned;
  CHECK(arena.drop_free_pieces([&](void* p) { returned.push_back(p), std::free(p); }) == 1);
  CHECK(returned == std::vector<void*>{second});
  CHECK(arena.stats().reserved == kPiece);
  CHECK(arena.stats().largest_free == kPiece / 2);
  pieces_left = 1;  // the system has memory again
  CHECK(arena.allocate(2 * kPiece) != nullptr);
  arena.release(kept);
  CHECK(arena.drop_free_pieces([](void* p) { std::free(p); }) == 1);
}
