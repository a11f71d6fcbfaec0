// Reads zip archives as torch.save writes them: records are stored, not compressed and not encrypted.
//
// A zip states everything twice, in its directory and in the local headers.  Readers that trust different copies can
// see different files.  This reader requires that both agree: the end record is the last in the file, the directory
// ends where the end record begins, every local header repeats its directory entry, and the records follow each other
// from byte 0 without hole or overlap.  Comments, several disks, and two records with one name are refused.
// Internal to tensor/io/torch_container.cpp.
// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/io/file.h"

namespace camo::detail {

struct ZipEntry {
  std::string name;
  int64_t begin = 0, size = 0;  // offset and size of its data in the file
  uint32_t crc = 0;
};

class ZipFile {
 public:
  /// Reads and checks the directory and every local header, but no data.  Throws WeightsError with a text that begins
  /// with `who`.  The directory may have `max_directory` bytes at most.
  ZipFile(const InputFile& file, std::string who, int64_t max_directory);

  const std::vector<ZipEntry>& entries() const { return entries_; }  // sorted by name
  /// The record with that name, or nullptr.
  const ZipEntry* find(std::string_view name) const;
  /// False if all checksums in the file are 0, as torch.serialization.set_crc32_options(False) leaves them.
  bool has_sums() const { return has_sums_; }
  /// Reads a whole record and checks its CRC-32 if the file has checksums.
  void read(const ZipEntry& entry, void* to) const;

 private:
  const InputFile& file_;
  std::string who_;
  std::vector<ZipEntry> entries_;
  bool has_sums_ = false;
};

}  // namespace camo::detail
