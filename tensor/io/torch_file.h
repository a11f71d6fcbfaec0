// Reads weights that torch.save wrote, without Python: a pickle and one block of numbers per storage, in a zip or,
// before PyTorch 1.6, one after the other (tensor/io/torch_container.h).
//
// Nothing in the file is executed (tensor/io/pickle.h) and nothing in it is trusted (tensor/io/zip.h).  The CRC-32 of
// every record read is checked, which PyTorch itself does not do; PyTorch can be told to write no checksums, and wrote
// none before 1.6.  Views are copied dense: a transposed, sliced or expanded tensor gets numbers of its own, and so do
// two tensors that share a storage (tied weights).
// Format: https://pytorch.org/docs/stable/notes/serialization.html
#pragma once

#include <string>

#include "tensor/io/io.h"

namespace camo {

/// Reads a dict of name -> tensor.  The dict may be wrapped, as training programs save it: of the keys state_dict_ema,
/// model_ema, ema_state_dict, state_dict, model_state_dict, model, module the first that holds tensors is taken
/// (averaged weights first, as in timm), and the metadata "torch.entry" names it.  Values that are not tensors are left
/// out, and the metadata "torch.skipped" names them.  Names and their order are those of the dict.
/// F16 is read as f32, BOOL as u8, and I32, I16, I8 as i64.  `max_header` limits the zip's directory and the pickles.
/// `verified`: the file has checksums and they match.  Throws WeightsError with file and reason for damage, for
/// anything that torch.save does not write, for a global or instruction that weights do not need, and for tensors that
/// take more than 8 times the file's size + 1 MiB.  Throws MemoryError when memory runs out.
SafeTensors read_torch(const std::string& path, const ReadOptions& options = {});

/// Reads names, shapes and types (F32, F64, F16, BF16, I64, I32, I16, I8, U8, BOOL), but no data.  `begin` and `end`
/// count bytes as if the tensors lay dense and in order.
SafeHeader read_torch_header(const std::string& path, const ReadOptions& options = {});

}  // namespace camo
