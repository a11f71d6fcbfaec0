// Time and memory of the parts of a step.
//
//   debug::Profile profile;                 // from here the sections of this thread are measured
//   { debug::Section part("backbone");  ... }
//   profile.parts();                        // name, depth, seconds, bytes, calls
//
// Sections nest.  Without a Profile a section costs one comparison, with one about a microsecond.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/device.h"

namespace camo::debug {

class Profile {
 public:
  struct Part {
    const char* name;
    std::string path;   // "forward/experts/router"
    int parent, depth;  // index of the part around it in order of first use, or -1; 0 for the outermost
    double seconds = 0;
    int64_t bytes = 0;  // the largest growth of the device's memory in use over one call: what the part kept
    int64_t calls = 0;
  };

  /// wait: at both ends of every section, wait until the device has finished its work.  A GPU's times mean nothing
  /// without, and waiting slows the step.
  explicit Profile(Device device = {}, bool wait = false);
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// In the order in which they first began; a part comes before those within it.
  std::vector<Part> parts() const;
  void clear();

 private:
  friend class Section;
  void settle() const;

  Device device_;
  bool wait_;
  std::vector<Part> parts_;
  int open_ = -1;  // the innermost open part
};

/// A part, from construction to destruction.  `name` must outlive the profile: a literal.
class Section {
 public:
  explicit Section(const char* name);
  ~Section();
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

 private:
  int part_ = -1;
  int64_t bytes_ = 0;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace camo::debug
