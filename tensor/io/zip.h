// A zip archive as torch.save writes it: stored records, nothing compressed, nothing encrypted.
//
// A zip says everything twice, and readers that believe different halves see different files.  Here both halves
// must agree: the end record is the last of the file, the directory ends where it begins, every local header
// repeats its directory entry, and the records follow each other from byte 0 without hole or overlap.  Comments,
// several disks, two records of one name: refused.  Internal to tensor/io/torch_file.cpp.
// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/io/file.h"

namespace camo::detail {

struct ZipEntry {
  std::string name;
  int64_t begin = 0, size = 0;  // of its data, in the file
  uint32_t crc = 0;
};

class ZipFile {
 public:
  /// Reads and checks the directory and every local header, no data.  Throws WeightsError that begins with
  /// `who`; a directory may have `max_directory` bytes.
  ZipFile(const InputFile& file, std::string who, int64_t max_directory);

  const std::vector<ZipEntry>& entries() const { return entries_; }  // by name
  /// The record of that name, or nullptr.
  const ZipEntry* find(std::string_view name) const;
  /// False for a file whose sums are all 0, as torch.serialization.set_crc32_options(False) leaves them.
  bool has_sums() const { return has_sums_; }
  /// Reads a whole record and compares its CRC-32 where the file has sums.
  void read(const ZipEntry& entry, void* to) const;

 private:
  const InputFile& file_;
  std::string who_;
  std::vector<ZipEntry> entries_;
  bool has_sums_ = false;
};

}  // namespace camo::detail
