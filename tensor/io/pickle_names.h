// The globals that a pickle of weights may name, and advice about others.  Internal to tensor/io/pickle.cpp.
#pragma once

#include "tensor/io/pickle.h"

namespace camo::detail {

/// The globals that may be called; numbers from kCallables on are storage types.
enum Callable { kOrderedDict, kTensor, kTensorV1, kParameter, kSize, kCallables };

/// The number of a global, or -1.
int64_t find_global(std::string_view module, std::string_view name);
/// The name of a callable, such as "torch.Size"; `global` is below kCallables.
std::string callable_name(int64_t global);
/// The storage type with a number from kCallables on.
const StorageType& storage_type(int64_t global);

/// The name of an instruction that this reader refuses.
const char* refused_instruction(uint8_t code);

/// Advice about a file with that global, or "" if no harmless file has it.
const char* remedy(std::string_view module, std::string_view name);
constexpr const char* kSaveAgain =
    " [if you trust its source, in Python: torch.save(torch.load(F, weights_only=False), G)]";

}  // namespace camo::detail
