#include "tensor/io/pickle_names.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

namespace camo::detail {
namespace {

constexpr std::pair<std::string_view, std::string_view> kCallable[] = {{"collections", "OrderedDict"},
                                                                       {"torch._utils", "_rebuild_tensor_v2"},
                                                                       {"torch._utils", "_rebuild_tensor"},
                                                                       {"torch._utils", "_rebuild_parameter"},
                                                                       {"torch", "Size"}};
constexpr StorageType kStorages[] = {
    {"FloatStorage", "F32", 4}, {"DoubleStorage", "F64", 8}, {"HalfStorage", "F16", 2},  {"BFloat16Storage", "BF16", 2},
    {"LongStorage", "I64", 8},  {"IntStorage", "I32", 4},    {"ShortStorage", "I16", 2}, {"CharStorage", "I8", 1},
    {"ByteStorage", "U8", 1},   {"BoolStorage", "BOOL", 1}};
static_assert(std::size(kCallable) == kCallables);

template <class... Words> bool one_of(std::string_view s, Words... words) { return ((s == words) || ...); }

}  // namespace

int64_t find_global(std::string_view module, std::string_view name) {
  for (size_t i = 0; i < std::size(kCallable); ++i)
    if (kCallable[i].first == module && kCallable[i].second == name) return int64_t(i);
  for (size_t i = 0; i < std::size(kStorages); ++i)
    if (module == "torch" && kStorages[i].global == name) return int64_t(kCallables + i);
  return -1;
}

std::string callable_name(int64_t global) {
  return std::string(kCallable[global].first) + "." + std::string(kCallable[global].second);
}

const StorageType& storage_type(int64_t global) { return kStorages[global - kCallables]; }

const char* refused_instruction(uint8_t code) {
  constexpr std::pair<uint8_t, const char*> names[] = {{'0', "POP"},
                                                       {'1', "POP_MARK"},
                                                       {'2', "DUP"},
                                                       {'F', "FLOAT"},
                                                       {'I', "INT"},
                                                       {'L', "LONG"},
                                                       {'P', "PERSID"},
                                                       {'S', "STRING"},
                                                       {'V', "UNICODE"},
                                                       {'d', "DICT"},
                                                       {'g', "GET"},
                                                       {'i', "INST"},
                                                       {'l', "LIST"},
                                                       {'o', "OBJ"},
                                                       {'p', "PUT"},
                                                       {'B', "BINBYTES"},
                                                       {'C', "SHORT_BINBYTES"},
                                                       {0x80, "PROTO"},
                                                       {0x81, "NEWOBJ"},
                                                       {0x82, "EXT1"},
                                                       {0x83, "EXT2"},
                                                       {0x84, "EXT4"},
                                                       {0x8b, "LONG4"},
                                                       {0x8d, "BINUNICODE8"},
                                                       {0x8e, "BINBYTES8"},
                                                       {0x8f, "EMPTY_SET"},
                                                       {0x90, "ADDITEMS"},
                                                       {0x91, "FROZENSET"},
                                                       {0x92, "NEWOBJ_EX"},
                                                       {0x96, "BYTEARRAY8"},
                                                       {0x97, "NEXT_BUFFER"},
                                                       {0x98, "READONLY_BUFFER"}};
  for (auto [c, name] : names)
    if (c == code) return name;
  return "unknown to Python";
}

/// Packages whose classes stand beside weights, not around them.
bool is_data(std::string_view top) { return one_of(top, "argparse", "numpy", "pathlib", "collections", "datetime"); }

const char* remedy(std::string_view module, std::string_view name) {
  const std::string_view top = module.substr(0, module.find('.'));
  const bool of_system =
      one_of(top, "os", "posix", "nt", "sys", "builtins", "__builtin__", "subprocess", "socket", "shutil");
  const bool is_class = !name.empty() && std::isupper((unsigned char)(name[0]));
  if (module.starts_with("torch.nn.modules.") || (!of_system && top != "torch" && is_class && !is_data(top)))
    return " [a whole model: if you trust its source, in Python: "
           "torch.save(torch.load(F, weights_only=False).state_dict(), G)]";
  if (is_data(top))
    return " [if you trust its source, in Python: torch.save(torch.load(F, weights_only=False)[KEY], G), KEY being "
           "that of the weights]";
  // The globals below are ones that PyTorch also reads from untrusted files.
  if (one_of(name, "_rebuild_from_type_v2", "_rebuild_parameter_with_state"))
    return " [in Python: torch.save({k: v.detach() for k, v in torch.load(F, weights_only=True).items()}, G)]";
  const bool type = module == "torch" && !name.ends_with("Storage");  // torch.device, torch.float32
  if (type || (module == "_codecs" && name == "encode") || (module == "__builtin__" && one_of(name, "set", "complex")))
    return " [in Python: torch.save(torch.load(F, weights_only=True)[KEY], G), KEY being that of the weights]";
  return "";
}

}  // namespace camo::detail
