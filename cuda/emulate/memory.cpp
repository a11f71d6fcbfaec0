#include "cuda/emulate/memory.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "tensor/error.h"

#ifdef CAMO_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace camo::emulate {

#ifdef CAMO_ASAN
void poison(const void* bytes, size_t count) { __asan_poison_memory_region(bytes, count); }
void unpoison(const void* bytes, size_t count) { __asan_unpoison_memory_region(bytes, count); }
#endif

namespace {

constexpr size_t kPage = 4096, kGuard = 16 << 10, kAlign = 16;
constexpr size_t kQuarantineBytes = size_t(256) << 20, kQuarantineCount = 4096;

struct Region {
  size_t mapped;  // including both guards
  char* data;
  size_t bytes;
  bool freed;
};

struct Regions {
  std::mutex mutex;
  std::map<char*, Region> at;  // keyed by the first byte of the mapping
  std::deque<char*> freed;     // oldest first; their pages are inaccessible and returned to the system
  size_t freed_bytes = 0;
  MemoryStats stats;

  /// The region whose mapping contains the address, or at.end().
  std::map<char*, Region>::iterator find(const void* address) {
    auto r = at.upper_bound(static_cast<char*>(const_cast<void*>(address)));
    if (r == at.begin()) return at.end();
    --r;
    return static_cast<const char*>(address) < r->first + r->second.mapped ? r : at.end();
  }
  void forget_oldest() {
    auto r = at.find(freed.front());
    freed.pop_front();
    freed_bytes -= r->second.mapped;
    unpoison(r->first, r->second.mapped);
    ::munmap(r->first, r->second.mapped);
    at.erase(r);
  }
};

Regions& regions() {
  static auto& all = *new Regions;  // never destroyed: static tensors may outlive any destructor
  return all;
}

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

std::atomic<unsigned char> fill{0xFF};

}  // namespace

unsigned char poison_byte() { return fill; }
void set_poison_byte(unsigned char byte) { fill = byte; }

void* allocate(int64_t bytes) {
  check<MemoryError>(bytes >= 0, "emulated device memory: a size is not negative, got ", bytes);
  const size_t inner = round_up(size_t(bytes), kPage), mapped = inner + 2 * kGuard;
  void* map = ::mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  bool ok = map != MAP_FAILED;
  char* base = static_cast<char*>(map);
  if (ok && inner) ok = ::mprotect(base + kGuard, inner, PROT_READ | PROT_WRITE) == 0;
  if (!ok && map != MAP_FAILED) ::munmap(map, mapped);
  check<MemoryError>(ok, "emulated device memory: the system has no more, asked for ", bytes, " bytes, held ",
                     memory_stats().live_bytes, " in ", memory_stats().live_count, " allocations");
  unpoison(base, mapped);
  if (inner) std::memset(base + kGuard, poison_byte(), inner);
  char* data = base + kGuard + inner - round_up(size_t(bytes), kAlign);
  poison(base, size_t(data - base));
  poison(data + bytes, size_t(base + mapped - (data + bytes)));

  Regions& all = regions();
  std::lock_guard lock(all.mutex);
  all.at[base] = {mapped, data, size_t(bytes), false};
  MemoryStats& s = all.stats;
  ++s.total_count, ++s.live_count, s.live_bytes += bytes;
  s.peak_bytes = std::max(s.peak_bytes, s.live_bytes);
  return data;
}

void release(void* bytes) noexcept {
  if (!bytes) return;
  Regions& all = regions();
  std::lock_guard lock(all.mutex);
  auto r = all.find(bytes);
  if (r == all.at.end() || r->second.data != bytes || r->second.freed) {
    std::fprintf(stderr, "emulated device memory: release takes what allocate gave, once; got %p\n", bytes);
    std::abort();
  }
  Region& region = r->second;
  --all.stats.live_count, all.stats.live_bytes -= int64_t(region.bytes);
  region.freed = true;
  // A fresh inaccessible mapping in its place: one call both frees the pages and removes the access rights.
  ::mmap(r->first, region.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  poison(r->first, region.mapped);
  all.freed.push_back(r->first);
  all.freed_bytes += region.mapped;
  while (all.freed_bytes > kQuarantineBytes || all.freed.size() > kQuarantineCount) all.forget_oldest();
}

MemoryStats memory_stats() {
  std::lock_guard lock(regions().mutex);
  return regions().stats;
}

// ---- reports of faults ------------------------------------------------------------------------------------
namespace {

/// Describes an address by the allocation around it: "byte 400 of 400 bytes of device memory".
void describe(const void* address, char* out, size_t size) {
  Regions& all = regions();
  std::unique_lock lock(all.mutex, std::try_to_lock);
  const auto r = lock ? all.find(address) : all.at.end();
  if (r == all.at.end()) {
    std::snprintf(out, size, "address %p, which is near to no device memory", address);
  } else {
    std::snprintf(out, size, "byte %td of %zu bytes of %sdevice memory",
                  static_cast<const char*>(address) - r->second.data, r->second.bytes, r->second.freed ? "freed " : "");
  }
}

/// Writes to stderr which kernel and thread broke the rule, with the address, or `otherwise` if it is null.
void report(const char* rule, const void* address, const char* otherwise) {
  RunningThread t;
  if (!running_thread(address, &t)) return;
  char got[200], line[600];
  if (t.overflow) otherwise = "an overflow of the emulated thread's stack";
  if (t.overflow || !address) std::snprintf(got, sizeof got, "%s", otherwise);
  else describe(address, got, sizeof got);
  const int n =
      std::snprintf(line, sizeof line, "kernel '%s': %s, got %s, in block (%u, %u, %u), thread (%u, %u, %u)\n",
                    t.kernel, rule, got, t.block.x, t.block.y, t.block.z, t.thread.x, t.thread.y, t.thread.z);
  if (::write(2, line, size_t(std::min<int>(n, sizeof line - 1))) < 0) return;
}

constexpr const char* kRule = "threads read and write what is theirs";
struct sigaction previous;
int users = 0;
std::mutex handler_mutex;

void on_fault(int signal, siginfo_t* info, void*) {
  report(kRule, info->si_addr, "the null pointer");
  ::signal(signal, SIG_DFL), ::signal(SIGABRT, SIG_DFL);
  std::abort();
}

/// The signal handler's own stack, since it cannot run on one that overflowed.  Lives as long as this OS thread.
struct SignalStack {
  static constexpr size_t kBytes = 64 << 10;
  std::unique_ptr<char[]> bytes{new char[kBytes]};
  SignalStack() {
    stack_t stack{};
    stack.ss_sp = bytes.get(), stack.ss_size = kBytes;
    ::sigaltstack(&stack, nullptr);
  }
  ~SignalStack() {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
  }
};

}  // namespace

// AddressSanitizer has its own handler and signal stacks, and calls __asan_on_error below.  Our handler is installed
// only during launches, because test frameworks install theirs.
FaultReports::FaultReports() {
  if (kAsan) return;
  static thread_local SignalStack stack;
  std::lock_guard lock(handler_mutex);
  if (users++) return;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(SIGSEGV, &action, &previous);
}

FaultReports::~FaultReports() {
  if (kAsan) return;
  std::lock_guard lock(handler_mutex);
  if (--users == 0) ::sigaction(SIGSEGV, &previous, nullptr);
}

}  // namespace camo::emulate

// Hooks that the sanitizers call before they report, and an option: detection of stack use after return would
// be 4 times slower.
extern "C" {
#ifdef CAMO_ASAN
void __asan_on_error() {
  using namespace camo::emulate;
  report(kRule, __asan_get_report_address(), "what AddressSanitizer says below");
}
const char* __asan_default_options() { return "detect_stack_use_after_return=0"; }
#endif
void __ubsan_on_report() { camo::emulate::report("behaviour is defined", nullptr, "what follows"); }
}
