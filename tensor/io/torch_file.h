// Weights as PyTorch saves them: torch.save's zip of a pickle and one record a storage, read without Python.
//
// Nothing in the file is executed (tensor/io/pickle.h) and nothing in it is trusted (tensor/io/zip.h): the CRC-32 of every
// record that is read is compared, which PyTorch itself does not do; it can be told to write none.  Views are copied
// dense: a transposed, sliced or expanded tensor, or two that share a storage (tied weights), come back each with
// numbers of its own.
// Format: https://pytorch.org/docs/stable/notes/serialization.html
#pragma once

#include <string>

#include "tensor/io/io.h"

namespace camo {

/// A dict of name -> tensor, or the one that a training program wrapped: of the keys state_dict_ema, model_ema,
/// ema_state_dict, state_dict, model_state_dict, model, module the first that holds tensors (averaged weights first, as
/// timm takes them); metadata "torch.entry" says which.  What is no tensor is left out; metadata "torch.skipped" names
/// it.  Names stay as they are, in the order of the dict.
/// F16 is read as f32, BOOL as u8, I32, I16 and I8 as i64.  `max_header` limits the zip's directory and the pickle.
/// `verified`: the file has sums.  Throws WeightsError, naming file and reason: damage, whatever torch.save does not
/// write, any global or instruction that weights do not need, dense tensors of more than 8 times the file's size and
/// 1 MiB; MemoryError.
SafeTensors read_torch(const std::string& path, const ReadOptions& options = {});

/// Names, types (F32, F64, F16, BF16, I64, I32, I16, I8, U8, BOOL) and shapes; reads no tensor's data.  `begin` and
/// `end` count the bytes as if the tensors lay dense and in order.
SafeHeader read_torch_header(const std::string& path, const ReadOptions& options = {});

}  // namespace camo
