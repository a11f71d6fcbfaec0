// Event files, which TensorBoard reads: scalars, pictures and histograms over the steps of a run.
//
// A file is a sequence of records, all little-endian: the length of the data (u64), the masked CRC-32C of these 8
// bytes, the data, and its masked CRC-32C (u32 each).  A sum c is masked as rotate_right(c, 15) + 0xa282ead8, since the
// sum of data that ends in its own sum tells nothing.  The data is one Event, a protocol buffer message (varints, and
// fields of 4 or 8 bytes or of a given length; protobuf.dev/programming-guides/encoding).  The messages and their field
// numbers are those of event.proto, summary.proto and histogram.proto in TensorFlow; events.cpp names each.
#pragma once

#include <string>

#include "examples/camo/report/buckets.h"

namespace camo::program {

/// One file, which begins with the first flush().  What is added waits until then.
class EventFile {
 public:
  explicit EventFile(std::string folder);

  /// A run that goes on: whatever older files hold of this step and later ones is void.
  void session_start(int64_t step, double wall_time);
  /// A number that is not finite is left out.  wall_time: seconds since 1970.
  void scalar(const std::string& tag, double value, int64_t step, double wall_time);
  /// u8 (H, W, 3) or (H, W, 1), stored as PNG.
  void image(const std::string& tag, const Tensor& picture, int64_t step, double wall_time);
  /// Left out if no number is finite.
  void histogram(const std::string& tag, const Buckets& buckets, int64_t step, double wall_time);

  /// Appends what waits, in one write of whole records, and syncs.  After MemoryError (full disk) the file is as
  /// before, and the next flush() tries again, without the pictures and histograms: a disk may stay full for long.  The folder is made, and the file gets a name that follows those in it,
  /// since TensorBoard reads files in the order of their names: events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER.
  void flush();

  /// "" before the first flush().
  const std::string& path() const { return path_; }

 private:
  void add_summary(std::string& to, const std::string& value, int64_t step, double wall_time);

  std::string folder_, path_;
  std::string waiting_, large_;  // records; large_: of pictures and histograms
};

/// A record with this data.
std::string framed(const std::string& data);

}  // namespace camo::program
