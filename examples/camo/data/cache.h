// Decoded photographs, kept in memory or in a file, so that an epoch after the first decodes none.
//
// They are kept as they are decoded: every epoch cuts another part out of them before it resizes.  So batches are the
// same in every bit with and without a cache.
#pragma once

#include <memory>

#include "examples/camo/data/dataset.h"

namespace camo::program {

/// A store of decoded pictures; any thread may ask it.
class DecodedPictures {
 public:
  virtual ~DecodedPictures() = default;
  /// The picture of one of the pairs that the store was made for; its tensors may be shared, so only read them.
  virtual Picture load(const Pair& pair) = 0;
};

/// Bytes of memory that this process may still take: what the system calls available, or less if its control group
/// (version 2) allows less.  -1 if the system does not tell.
int64_t available_memory();

/// Keeps each picture when it is first asked for.  MemoryError if all of them need more than `available` bytes.
std::shared_ptr<DecodedPictures> decoded_in_memory(const std::vector<Pair>& pairs, const Reading& how,
                                                   int64_t available = available_memory());

/// Keeps the pictures in one file.  It is written on first use, and again when it is damaged or when name, size or time
/// of a source, or a rule of reading, has changed; a crash leaves the old file or the new one.  Several processes may
/// use it.  It is read with pread, not mapped: a picture is copied once, and a file that shrinks is no SIGBUS.  A
/// picture that is damaged in the file is decoded again.  Uses `threads` threads.
///
/// ConfigError for an existing file of another kind, MemoryError for a full disk, DataError if it cannot be written.
std::shared_ptr<DecodedPictures> decoded_in_file(const std::string& file, const std::vector<Pair>& pairs,
                                                 const Reading& how, int64_t threads);

/// Keeps the pictures of these data sets as `cache` says: "off", "memory" or a file.
void keep_decoded(const std::vector<Dataset*>& sets, const std::string& cache, int64_t threads);

}  // namespace camo::program
