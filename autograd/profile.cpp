#include "autograd/profile.h"

#include <algorithm>
#include <string_view>

#include "tensor/memory/allocator.h"

namespace camo::debug {
namespace {
thread_local Profile* t_profile = nullptr;
using Clock = std::chrono::steady_clock;
}  // namespace

Profile::Profile(Device device, bool wait) : device_(device), wait_(wait) {
  check<GraphError>(!t_profile, "profile: there is one on this thread already");
  t_profile = this;
}
Profile::~Profile() { t_profile = nullptr; }

void Profile::settle() const {
  if (wait_) synchronize(device_);
}

std::vector<Profile::Part> Profile::parts() const {
  std::vector<Part> out;
  auto add_below = [&](auto& self, int parent) -> void {
    for (size_t i = 0; i < parts_.size(); ++i)
      if (parts_[i].parent == parent) out.push_back(parts_[i]), self(self, int(i));
  };
  add_below(add_below, -1);
  return out;
}

void Profile::clear() {
  for (Part& p : parts_) p.seconds = 0, p.bytes = 0, p.calls = 0;
}

Section::Section(const char* name) {
  Profile* const p = t_profile;
  if (!p) return;
  auto& parts = p->parts_;
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const Profile::Part& part) {
    return part.parent == p->open_ && std::string_view(part.name) == name;
  });
  part_ = int(found - parts.begin());
  if (found == parts.end()) {
    const Profile::Part* around = p->open_ < 0 ? nullptr : &parts[size_t(p->open_)];
    parts.push_back({.name = name,
                     .path = around ? around->path + "/" + name : name,
                     .parent = p->open_,
                     .depth = around ? around->depth + 1 : 0});
  }
  p->open_ = part_;
  p->settle();
  bytes_ = memory_stats(p->device_).in_use, begin_ = Clock::now();
}

Section::~Section() {
  Profile* const p = t_profile;
  if (part_ < 0 || !p) return;
  p->settle();
  Profile::Part& part = p->parts_[size_t(part_)];
  part.seconds += std::chrono::duration<double>(Clock::now() - begin_).count();
  part.bytes = std::max(part.bytes, memory_stats(p->device_).in_use - bytes_), ++part.calls;
  p->open_ = part.parent;
}

}  // namespace camo::debug
