// The scheduler of a block: which thread runs next, barriers, and the error when no thread can run.
#include "cuda/emulate/block.h"

#include <algorithm>
#include <utility>

namespace camo::emulate {

constinit thread_local Block* now = nullptr;

std::string triple(uint3 i) { return text("(", i.x, ", ", i.y, ", ", i.z, ")"); }

std::string where(const Wait& wait) {
  static constexpr const char* names[] = {"__syncthreads",
                                          "__syncthreads_or",
                                          "__syncthreads_and",
                                          "__syncthreads_count",
                                          "__syncwarp",
                                          "__shfl_sync",
                                          "__shfl_up_sync",
                                          "__shfl_down_sync",
                                          "__shfl_xor_sync",
                                          "__ballot_sync",
                                          "__any_sync",
                                          "__all_sync",
                                          "mma",
                                          "ldmatrix"};
  const char* slash = std::strrchr(wait.place.file, '/');
  return text(names[int(wait.op)], " ", slash ? slash + 1 : wait.place.file, ":", wait.place.line);
}

bool same_place(const Wait& a, const Wait& b) {
  return a.op == b.op && a.place.line == b.place.line &&
         (a.place.file == b.place.file || !std::strcmp(a.place.file, b.place.file));
}

namespace {

int first_from(int turn, uint32_t bits) { return (std::countr_zero(std::rotr(bits, turn)) + turn) & 31; }

/// Makes every thread ready, in a new order.
void all_ready(Block& b) {
  const int warps = b.size / 32;
  for (int w = 0; w < warps; ++w) b.make_ready(w, ~0u);
  b.warp = b.warp_turn = int(b.draw(uint64_t(warps)));
  b.lane_turn = int(b.draw(32));
}

/// Makes the next ready thread the current one.  Returns -1 if none is ready.
int take(Block& b) {
  if (!b.ready_warps) return -1;
  if (!b.warps[b.warp].ready) b.warp = first_from(b.warp_turn, b.ready_warps);
  Warp& warp = b.warps[b.warp];
  const int lane = first_from(b.lane_turn, warp.ready);
  warp.ready &= ~(1u << lane);
  if (!warp.ready) b.ready_warps &= ~(1u << b.warp);
  b.current = b.warp * 32 + lane;
  threadIdx = b.threads[size_t(b.current)].index;
  return b.current;
}

/// The body of a fiber: starts threads one after another, as long as it is their turn.  A thread that waits keeps its
/// fiber, and the next thread starts on another fiber; so a kernel without barriers never switches stacks.
void work(Fiber& self) {
  for (;;) {
    Block& b = *now;
    const int me = b.current;
    b.threads[size_t(me)].fiber = &self;
    try {
      b.launch.call(b.launch.thread);
    } catch (...) {
      b.error = std::current_exception();
    }
    ++b.finished, b.warps[me / 32].done |= 1u << me % 32;
    const int next = b.error ? -1 : take(b);
    if (next >= 0 && !b.threads[size_t(next)].fiber) continue;
    b.idle.push_back(&self);
    self.jump(next < 0 ? b.outside : *b.threads[size_t(next)].fiber);
  }
}

/// The fiber of the current thread, which is about to start or continue.
Fiber& current_fiber(Block& b) {
  if (Fiber* own = b.threads[size_t(b.current)].fiber) return *own;
  if (b.idle.empty()) {
    b.fibers.push_back(std::make_unique<Fiber>(work));
    return *b.fibers.back();
  }
  Fiber* fresh = b.idle.back();
  b.idle.pop_back();
  return *fresh;
}

/// The error when no thread is ready and not all have finished: lists which threads wait where.
DeviceError stuck(const Block& b) {
  struct Group {
    const Thread* first;
    int count;
  };
  std::vector<Group> groups;
  for (int t = 0; t < b.size; ++t) {
    if (b.warps[t / 32].done >> t % 32 & 1) continue;
    const Thread& thread = b.threads[size_t(t)];
    const auto same = [&](const Group& g) { return same_place(g.first->wait, thread.wait); };
    const auto g = std::find_if(groups.begin(), groups.end(), same);
    if (g == groups.end()) groups.push_back({&thread, 1});
    else ++g->count;
  }
  std::string got;
  for (const Group& g : groups)
    got += text(g.count, " threads, first ", triple(g.first->index), ", wait at ", where(g.first->wait), "; ");
  return DeviceError(text("kernel '", b.launch.kernel, "': every thread must come to where the others wait, got ", got,
                          b.finished, " finished; in block ", triple(blockIdx)));
}

}  // namespace

void give_way(Block& b) {
  const int me = b.current, next = take(b);
  if (next != me) b.threads[size_t(me)].fiber->jump(next < 0 ? b.outside : current_fiber(b));
}

void leave(Block& b) {
  b.threads[size_t(b.current)].fiber->jump(b.outside);
  std::abort();  // never reached: nothing switches back to a dropped thread
}

int meet(Op op, int predicate, Place place) {
  Block& b = *now;
  Wait& mine = b.threads[size_t(b.current)].wait;
  mine.op = op, mine.place = place;
  if (b.arrived++ == 0) b.first_arrived = b.current;
  else if (!same_place(mine, b.threads[size_t(b.first_arrived)].wait)) b.mixed = true;
  b.votes += predicate != 0;
  if (b.arrived == b.size && !b.mixed) {
    b.verdict = op == Op::barrier_count ? b.votes : op == Op::barrier_and ? b.votes == b.size : b.votes > 0;
    b.arrived = b.votes = 0;
    all_ready(b);
  }
  give_way(b);
  return b.verdict;  // the next barrier cannot change it before every thread has returned from here
}

void run_block(Block& b) {
  b.finished = b.arrived = b.votes = 0, b.mixed = false, b.ready_warps = 0;
  for (Thread& t : b.threads) t.fiber = nullptr;
  b.copies.clear();
  for (Warp& w : b.warps) w = {};
  b.shared.open(b.launch.shared);
  all_ready(b);
  take(b);
  b.outside.jump(current_fiber(b));
  if (!b.error && b.finished < b.size) b.error = std::make_exception_ptr(stuck(b));
  if (b.error) {
    b.idle.clear();  // some fibers hold threads that were dropped
    for (auto& fiber : b.fibers) fiber->restart(), b.idle.push_back(fiber.get());
    std::rethrow_exception(std::exchange(b.error, nullptr));
  }
  for (const AsyncCopies& of : b.copies)
    if (!of.pending.empty())
      throw DeviceError(text("kernel '", b.launch.kernel, "': a thread waits for its copies before it ends, got ",
                             of.pending.size(), " on their way [commit, wait<0>], in block ", triple(blockIdx)));
  if (kAsan) return;
  if (const std::string overrun = b.shared.overrun(); !overrun.empty())
    throw DeviceError(text("kernel '", b.launch.kernel, "': writes stay inside shared memory, got ", overrun,
                           " written, in block ", triple(blockIdx)));
}

}  // namespace camo::emulate
