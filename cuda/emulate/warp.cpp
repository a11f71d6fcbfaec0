// Shuffles and votes: the lanes in a mask wait for each other, and the last to arrive computes the results of all.
// Source: CUDA C++ Programming Guide 7.19 to 7.22.
#include <cstdio>

#include "cuda/emulate/block.h"

namespace camo::emulate {
namespace {

std::string hex(unsigned mask) {
  char out[16];
  std::snprintf(out, sizeof out, "0x%08x", mask);
  return out;
}

/// Checks that the lanes in a mask are all running and make the same call with the same mask.
void check_mask(const Block& b, const Warp& warp, const Wait& mine) {
  const int me = b.current, lane = me % 32;
  const Thread* lanes = &b.threads[size_t(me - lane)];
  const unsigned mask = mine.mask;
  if (!(mask >> lane & 1))
    throw broken(b, me, "the mask of a collective must hold its caller, got mask ", hex(mask), " at ", where(mine));
  if (mask & warp.done)
    throw broken(b, me, "the lanes of a mask must not have finished, got mask ", hex(mask), " at ", where(mine),
                 ", finished ", hex(warp.done));
  if (mine.width < 1 || mine.width > 32 || !std::has_single_bit(unsigned(mine.width)))
    throw broken(b, me, "the width of a shuffle must be a power of 2 up to 32, got ", mine.width, " at ", where(mine));
  if (!(warp.claimed & mask)) return;
  // Waiting lanes have equal or disjoint masks, so one that shares a lane with mine is enough to compare with.
  uint32_t rivals = warp.waiting & mask ? warp.waiting & mask : warp.waiting;
  while (!(lanes[std::countr_zero(rivals)].wait.mask & mask)) rivals &= rivals - 1;
  const Wait& other = lanes[std::countr_zero(rivals)].wait;
  if (other.mask != mask || !same_place(other, mine))
    throw broken(b, me, "the lanes of a mask must make the same call with the same mask, got ", hex(other.mask), " at ",
                 where(other), " and ", hex(mask), " at ", where(mine));
}

/// The lane whose value a shuffle gives to `lane`; beyond the end of a segment, the lane itself.
int source(const Wait& w, int lane) {
  const int first = lane & ~(w.width - 1), last = first + w.width - 1;
  const unsigned n = unsigned(w.argument);
  if (w.op == Op::shuffle) return first + int(n & unsigned(w.width - 1));
  if (w.op == Op::up) return n > unsigned(lane - first) ? lane : lane - int(n);
  if (w.op == Op::down) return n > unsigned(last - lane) ? lane : lane + int(n);
  return (unsigned(lane) ^ n) > unsigned(last) ? lane : int(unsigned(lane) ^ n);
}

/// Gives every lane in the mask its result, once all have arrived.
void deliver(Block& b, int warp, Op op, unsigned mask) {
  Thread* lanes = &b.threads[size_t(warp * 32)];
  if (op >= Op::mma) {
    void* deposits[32];
    for (int l = 0; l < 32; ++l) deposits[l] = reinterpret_cast<void*>(lanes[l].wait.value);
    return b.compute(deposits);
  }
  uint32_t votes = 0;
  if (op >= Op::ballot)
    for (uint32_t rest = mask; rest; rest &= rest - 1)
      votes |= uint32_t(lanes[std::countr_zero(rest)].wait.value) << std::countr_zero(rest);
  const uint64_t verdict = op == Op::ballot ? votes : op == Op::any ? votes != 0 : votes == mask;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    Wait& wait = lanes[lane].wait;
    wait.result = verdict;
    if (op == Op::warp || op >= Op::ballot) continue;
    const int from = source(wait, lane);
    if (!(mask >> from & 1))
      throw broken(b, warp * 32 + lane, "a shuffle must read a lane of its mask, got lane ", from, ", mask ", hex(mask),
                   " at ", where(wait));
    wait.result = lanes[from].wait.value;
  }
}

}  // namespace

uint64_t exchange(Op op, unsigned mask, uint64_t value, int argument, int width, Place place) {
  Block& b = *now;
  const int me = b.current;
  Wait& mine = b.threads[size_t(me)].wait;
  mine = {op, mask, argument, width, place, value, 0};
  inside(b, [&] {
    Warp& warp = b.warps[me / 32];
    check_mask(b, warp, mine);
    warp.waiting |= 1u << me % 32, warp.claimed |= mask;
    if ((warp.waiting & mask) != mask) return;
    deliver(b, me / 32, op, mask);
    warp.waiting &= ~mask, warp.claimed &= ~mask;
    b.make_ready(me / 32, mask);
  });
  give_way(b);
  return mine.result;
}

void together(Op op, void* mine, void (*compute)(void* const* lanes), Place place) {
  Block& b = *now;
  b.compute = compute;
  exchange(op, ~0u, reinterpret_cast<uint64_t>(mine), 0, 32, place);
}

}  // namespace camo::emulate
