// Launches and schedules: the public functions of the emulator.
#include "cuda/emulate/emulate.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "cuda/emulate/block.h"

namespace camo::emulate {
namespace {

/// The block state of this OS thread; its stacks and arena are kept between launches.
Block& own_block() {
  static thread_local Block block;
  return block;
}

std::atomic<uint64_t>& seed() {
  static std::atomic<uint64_t> value = [] {
    const char* wanted = std::getenv("CAMO_SCHEDULE");
    return wanted ? std::strtoull(wanted, nullptr, 10) : 0;
  }();
  return value;
}

void check_launch(const Launch& l) {
  const uint64_t size = uint64_t(l.block.x) * l.block.y * l.block.z;
  const auto rule = [&](bool ok, const auto&... parts) {
    check<DeviceError>(ok, "kernel '", l.kernel, "': ", parts...);
  };
  rule(!now, "a kernel launches no kernel, got a launch inside of '", now ? now->launch.kernel : "", "'");
  rule(size % 32 == 0 && size >= 32 && size <= 1024 && l.block.z <= 64,
       "a block has a multiple of 32 threads, at most 1024, got (", l.block.x, ", ", l.block.y, ", ", l.block.z, ")");
  rule(l.grid.x < 1u << 31 && l.grid.y < 65536 && l.grid.z < 65536,
       "a grid has at most (2^31 - 1, 65535, 65535) blocks, got (", l.grid.x, ", ", l.grid.y, ", ", l.grid.z, ")");
  rule(l.shared <= SharedMemory::kAll, "a block has at most ", SharedMemory::kAll, " bytes of shared memory, got ",
       l.shared);
}

void begin(Block& b, const Launch& launch) {
  b.launch = launch;
  b.size = int(launch.block.x * launch.block.y * launch.block.z);
  b.threads.resize(size_t(b.size));
  const unsigned row = launch.block.x, slice = row * launch.block.y;
  for (unsigned t = 0; t < unsigned(b.size); ++t) b.threads[t].index = {t % row, t % slice / row, t / slice};
  b.natural = schedule() == 0;
  if (!b.natural) b.random.seed(schedule());
  gridDim = launch.grid, blockDim = launch.block;
  if (b.names && std::find(b.names->begin(), b.names->end(), launch.kernel) == b.names->end())
    b.names->push_back(launch.kernel);
}

}  // namespace

void run(const Launch& launch) {
  check_launch(launch);
  const uint64_t X = launch.grid.x, Y = launch.grid.y, blocks = X * Y * launch.grid.z;
  if (blocks == 0) return;
  Block& b = own_block();
  begin(b, launch);
  FaultReports reports;
  struct Running {
    explicit Running(Block& b) { now = &b; }
    ~Running() { now = nullptr; }
  } running(b);
  // Visits blocks in steps of a random size that has no common factor with their number, so each is visited once.
  uint64_t k = b.draw(blocks), step = 1 + b.draw(blocks);
  while (std::gcd(step, blocks) != 1) step = 1 + b.draw(blocks);
  for (uint64_t i = 0; i < blocks; ++i, k = (k + step) % blocks) {
    blockIdx = {unsigned(k % X), unsigned(k / X % Y), unsigned(k / X / Y)};
    run_block(b);
  }
}

void set_schedule(uint64_t value) { seed() = value; }
uint64_t schedule() { return seed(); }

void compare_schedules(const std::function<std::string()>& f) {
  struct Restore {
    uint64_t seed = schedule();
    unsigned char byte = poison_byte();
    ~Restore() { set_schedule(seed), set_poison_byte(byte), own_block().names = nullptr; }
  } before;
  std::vector<std::string> names;
  own_block().names = &names;
  std::string first;
  const unsigned char bytes[] = {0xFF, 0x7F, 0x3F};  // as floats: NaN, 3.4e38, 0.75
  for (int i = 0; i < 3; ++i) {
    set_schedule(i ? 2 * before.seed + uint64_t(i) : 0), set_poison_byte(bytes[i]);
    const std::string result = f();
    if (i == 0) first = result;
    if (result == first) continue;
    const auto at = std::mismatch(first.begin(), first.end(), result.begin(), result.end()).first - first.begin();
    std::string kernels;
    for (const std::string& name : names) kernels += (kernels.empty() ? "'" : ", '") + name + "'";
    throw DeviceError(text("kernel ", kernels, ": results must be the same in every order of blocks and threads and ",
                           "whatever fresh memory holds, got another byte ", at, " of ", first.size(),
                           " with schedule ", schedule(), " than with 0"));
  }
}

bool running_thread(const void* address, RunningThread* out) {
  if (!now) return false;
  const Fiber* fiber = now->threads[size_t(now->current)].fiber;
  *out = {now->launch.kernel, blockIdx, threadIdx, fiber && fiber->overflowed(address)};
  return true;
}

}  // namespace camo::emulate
