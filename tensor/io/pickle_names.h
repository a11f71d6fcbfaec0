// What a pickle of weights may name, and what is said about the rest.  Internal to tensor/io/pickle.cpp.
#pragma once

#include "tensor/io/pickle.h"

namespace camo::detail {

/// The globals that may be called; numbers from kCallables on are types of storages.
enum Callable { kOrderedDict, kTensor, kParameter, kSize, kCallables };

/// The number of a global, or -1.
int64_t find_global(std::string_view module, std::string_view name);
/// "torch.Size", of a number below kCallables.
std::string callable_name(int64_t global);
/// Of a number from kCallables on.
const StorageType& storage_type(int64_t global);

/// The name of an instruction that is not executed.
const char* refused_instruction(uint8_t code);

/// What to do about a file with that global, "" for what no harmless file has.
const char* remedy(std::string_view module, std::string_view name);
constexpr const char* kSaveAgain =
    " [if you trust its source, in Python: torch.save(torch.load(F, weights_only=False), G)]";

}  // namespace camo::detail
