#include "tensor/io/torch_state.h"

#include <algorithm>

#include "tensor/io/safetensors_header.h"

namespace camo::detail {
namespace {

constexpr size_t kMostTensors = 100'000, kListed = 10;
constexpr uint32_t kLongestKey = 4096;  // a long one, set often, would take long to sort
// Averaged weights come first: the training program was evaluated with them, and timm prefers them as well.
constexpr std::string_view kEntries[] = {"state_dict_ema",   "model_ema", "ema_state_dict", "state_dict",
                                         "model_state_dict", "model",     "module"};

using Items = std::vector<const Pickled::Item*>;

/// The items of a dict.  A repeated key is refused: Python would keep its last value, but torch.save writes none twice.
Items items_of(const Pickled& pickle, Value dict, const std::string& who) {
  Items out;
  std::vector<std::string_view> keys;
  for (const auto& item : pickle.items) {
    if (item.dict != dict.at) continue;
    out.push_back(&item);
    if (item.key.kind != Value::text) continue;
    check<WeightsError>(item.key.count <= kLongestKey, who, ": a key has ", item.key.count, " bytes, the limit is ",
                        kLongestKey);
    keys.push_back(pickle.text(item.key));
  }
  std::sort(keys.begin(), keys.end());
  auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice != keys.end()) throw WeightsError(text(who, ": the key ", shown(*twice), " is there twice"));
  return out;
}

bool has_tensor(const Items& items) {
  return std::any_of(items.begin(), items.end(), [](auto* item) { return item->value.kind == Value::tensor; });
}

std::string key_text(const Pickled& pickle, Value key) {
  if (key.kind != Value::text) return text("(", name(key.kind), ")");
  return shown(pickle.text(key));
}

/// Lists the keys whose values are not tensors: "a", "b", ... and how many more.
std::string others(const Pickled& pickle, const Items& items) {
  std::string out;
  size_t n = 0;
  for (auto* item : items)
    if (item->value.kind != Value::tensor && n++ < kListed) out += (n > 1 ? ", " : "") + key_text(pickle, item->key);
  return n > kListed ? text(out, " and ", n - kListed, " more") : out;
}

/// The integers of a tuple, each in [0, 2^48].
std::vector<int64_t> sizes(const Pickled& pickle, Value tuple, const std::string& what) {
  std::vector<int64_t> out;
  check<WeightsError>(tuple.count <= uint32_t(kMaxRank), what, " has ", tuple.count, " axes, Camo's tensors at most ",
                      kMaxRank);
  for (uint32_t i = 0; i < tuple.count; ++i) {
    const Value v = pickle.part(tuple, i);
    check<WeightsError>(v.kind == Value::integer && v.at >= 0 && v.at <= int64_t(1) << 48, what,
                        ": a size or stride must be an integer from 0 to 2^48, got ",
                        v.kind == Value::integer ? text(v.at) : std::string(name(v.kind)));
    out.push_back(v.at);
  }
  return out;
}

TorchTensor view(const Pickled& pickle, const std::string& name, Value tensor, const std::string& what) {
  const Value storage = pickle.part(tensor, 0), offset = pickle.part(tensor, 1);
  TorchTensor out;
  out.name = name, out.storage = pickle.text(pickle.part(storage, 2)), out.type = pickle.type(storage);
  out.storage_numel = pickle.part(storage, 4).at, out.offset = offset.at;
  std::vector<int64_t> shape = sizes(pickle, pickle.part(tensor, 2), what);
  std::vector<int64_t> strides = sizes(pickle, pickle.part(tensor, 3), what);
  check<WeightsError>(shape.size() == strides.size(), what, " has ", shape.size(), " sizes and ", strides.size(),
                      " strides");
  int64_t bytes = out.type.size, last = out.offset;
  bool fits = true, empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t step;  // sizes and strides are at most 2^48, so only a product can overflow, and each is checked at once
    fits = fits && !__builtin_mul_overflow(bytes, std::max<int64_t>(shape[i], 1), &bytes);
    fits = fits && (empty || (!__builtin_mul_overflow(shape[i] - 1, strides[i], &step) &&
                              !__builtin_add_overflow(last, step, &last)));
    out.strides[i] = strides[i];
  }
  check<WeightsError>(fits, what, ": its size overflows");
  check<WeightsError>(out.offset >= 0 && (empty || last < out.storage_numel), what, " reaches element ", last,
                      " of a storage of ", out.storage_numel, ", its offset is ", out.offset);
  out.shape = Shape(shape);
  return out;
}

}  // namespace

bool TorchTensor::dense() const {
  int64_t step = 1;
  for (int i = shape.rank(); i-- > 0; step *= shape[i])
    if (shape[i] != 1 && strides[size_t(i)] != step) return false;
  return true;
}

TorchState read_state(const Pickled& pickle, const std::string& who) {
  check<WeightsError>(pickle.top.kind == Value::dict, who, ": holds ", name(pickle.top.kind),
                      " instead of a dict of tensors [in Python: torch.save(MODEL.state_dict(), F)]");
  TorchState out;
  const Items top = items_of(pickle, pickle.top, who);
  Items chosen = top;
  for (std::string_view entry : kEntries) {
    auto found = std::find_if(top.begin(), top.end(), [&](auto* item) {
      return item->key.kind == Value::text && pickle.text(item->key) == entry && item->value.kind == Value::dict;
    });
    if (found == top.end()) continue;
    Items inner = items_of(pickle, (*found)->value, who);
    if (!has_tensor(inner)) continue;
    chosen = std::move(inner);
    out.metadata["torch.entry"] = entry;
    break;
  }
  const std::string skipped = others(pickle, chosen);
  check<WeightsError>(
      has_tensor(chosen) || chosen.empty(), who, ": no tensor in its dict of ", skipped,
      " [in Python: torch.save(torch.load(F, weights_only=True)[KEY], G), KEY being that of the weights]");
  if (!skipped.empty()) out.metadata["torch.skipped"] = skipped;

  for (auto* item : chosen) {
    if (item->value.kind != Value::tensor) continue;
    check<WeightsError>(item->key.kind == Value::text, who, ": a tensor's name must be text, got ",
                        name(item->key.kind));
    check<WeightsError>(out.tensors.size() < kMostTensors, who, ": more than 100 000 tensors");
    std::string key(pickle.text(item->key));
    const char* bad = bad_name(key);
    check<WeightsError>(!bad, who, ": the name ", key_text(pickle, item->key), " ", bad ? bad : "");
    out.tensors.push_back(view(pickle, key, item->value, text(who, ": tensor ", shown(key))));
  }
  return out;
}

}  // namespace camo::detail
