// Shared memory: one arena per OS thread, from which each block gets freshly poisoned memory.
#include <algorithm>

#include "cuda/emulate/block.h"

namespace camo::emulate {
namespace {

constexpr size_t kRedZone = 64, kAlign = 128, kArena = 384 << 10;
constexpr unsigned char kRedByte = 0xCB;

}  // namespace

void SharedMemory::open(size_t dynamic_bytes) {
  if (!arena_) {
    arena_.reset(static_cast<char*>(std::aligned_alloc(kAlign, kArena)));
    poison(arena_.get(), kArena);
  }
  for (const Array& a : arrays_) poison(a.data, a.bytes);
  arrays_.clear();
  used_ = kAlign, static_bytes_ = 0;
  carve(nullptr, "DYN_SHARED", dynamic_bytes);
}

void* SharedMemory::carve(const void* key, const char* name, size_t bytes) {
  char* data = arena_.get() + used_;
  used_ = (used_ + bytes + kRedZone + kAlign - 1) / kAlign * kAlign;
  check<DeviceError>(used_ <= kArena, "a block has at most hundreds of shared arrays, got ", arrays_.size());
  unpoison(data, bytes);
  std::memset(data, poison_byte(), bytes);
  if (!kAsan) std::memset(data + bytes, kRedByte, kRedZone);
  arrays_.push_back({key, name, data, bytes});
  return data;
}

void* SharedMemory::find(const void* key) const {
  for (const Array& a : arrays_)
    if (a.key == key) return a.data;
  return nullptr;
}

void* SharedMemory::add(const void* key, const char* name, size_t bytes) {
  static_bytes_ += bytes;
  const size_t dynamic_bytes = arrays_[0].bytes;
  check<DeviceError>(static_bytes_ <= kStatic && static_bytes_ + dynamic_bytes <= kAll, "a block has at most ", kStatic,
                     " bytes of SHARED arrays and ", kAll, " in all, got ", static_bytes_, " with ", name, " and ",
                     dynamic_bytes, " dynamic");
  return carve(key, name, bytes);
}

bool SharedMemory::holds(const void* p, size_t bytes) const {
  const char* at = static_cast<const char*>(p);
  for (const Array& a : arrays_)
    if (at >= a.data && at + bytes <= a.data + a.bytes) return true;
  return false;
}

std::string SharedMemory::overrun() const {
  for (const Array& a : arrays_) {
    const char *end = a.data + a.bytes, *stop = end + kRedZone;
    const char* written = std::find_if(end, stop, [](char c) { return static_cast<unsigned char>(c) != kRedByte; });
    if (written != stop) return text("byte ", written - a.data, " of ", a.bytes, " bytes of ", a.name);
  }
  return {};
}

void* shared_array(const void* key, const char* name, size_t bytes) {
  Block& b = *now;
  if (void* found = b.shared.find(key)) return found;
  return inside(b, [&] {
    try {
      return b.shared.add(key, name, bytes);
    } catch (const DeviceError& e) {
      throw broken(b, b.current, e.what());
    }
  });
}

void* dynamic_shared() { return now->shared.dynamic(); }

}  // namespace camo::emulate
