// The two kinds of file that torch.save writes, as one thing: a pickle that describes tensors, and storages by key.
//
// Since 1.6 the file is a zip: FOLDER/data.pkl, and each storage a record FOLDER/data/KEY.  Before, it was five pickles
// in a row (a magic number, the format's version, facts of the machine, the object, the list of its storages' keys),
// and then for each key an int64 with the count of its numbers, and the numbers.  Such a file has no checksums.
// Internal to tensor/io/torch_file.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tensor/io/file.h"
#include "tensor/io/torch_state.h"

namespace camo::detail {

class TorchContainer {
 public:
  /// Tells the kind by the first bytes and reads the pickle, but no storage.  Throws WeightsError.
  static std::unique_ptr<TorchContainer> open(const std::string& path, const ReadOptions& options);
  virtual ~TorchContainer() = default;

  const std::string& who() const { return who_; }
  const TorchState& state() const { return state_; }
  int64_t file_size() const { return file_.size(); }
  virtual const char* format() const = 0;
  virtual bool has_sums() const = 0;

  /// The bytes of a storage, or nothing if the file has none with that key.
  virtual std::optional<int64_t> size_of(std::string_view storage) const = 0;
  /// Reads a storage that is there, and checks its sum if there is one.
  virtual void read(std::string_view storage, void* to) const = 0;

  /// Throws unless the file is as it was opened, so all that was read belongs together.
  void check_unchanged() const;

 protected:
  TorchContainer(std::string who, InputFile file) : who_(std::move(who)), file_(std::move(file)) {}

  std::string who_;
  InputFile file_;
  std::string pickle_;  // `state_` points into it
  TorchState state_;
};

}  // namespace camo::detail
