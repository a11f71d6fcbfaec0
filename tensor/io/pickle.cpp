#include "tensor/io/pickle.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tensor/error.h"
#include "tensor/io/json_scanner.h"
#include "tensor/io/pickle_names.h"

namespace camo::detail {
namespace {

// Generous limits: 100 000 tensors need less, because Python sets a dict's items in groups of a thousand.
constexpr size_t kMaxStack = 1 << 16, kMaxPool = 1 << 22, kMaxMemo = 1 << 22, kMaxItems = 1 << 20;
constexpr uint32_t kMaxKey = 256;  // PyTorch's keys are numbers; a long one, named often, would take long to compare

class Machine {
 public:
  Machine(std::string_view bytes, const std::string& who, const PickleUse& use) : who_(who), use_(use) {
    out_.bytes = bytes;
  }

  Pickled run() {
    if (byte() != 0x80) refuse("does not begin with PROTO, as protocols from 2 do", kSaveAgain);
    const int protocol = byte();
    if (protocol < 2 || protocol > 5) refuse("protocol must be 2 to 5, got ", protocol, kSaveAgain);
    for (;;) {
      const uint8_t code = byte();
      if (code == '.') break;
      if (!constant(code) && !container(code) && !memo(code)) call(code);
      if (stack_.size() + marks_.size() > kMaxStack) refuse("more than ", kMaxStack, " values on the stack");
    }
    if (stack_.size() != 1 || !marks_.empty()) refuse("ends with ", stack_.size(), " values on the stack, not one");
    if (use_.alone && at_ != out_.bytes.size()) refuse(out_.bytes.size() - at_, " bytes after its end");
    out_.top = stack_[0];
    out_.bytes = out_.bytes.substr(0, at_);
    return std::move(out_);
  }

 private:
  template <class E = WeightsError, class... Parts> [[noreturn]] void refuse(const Parts&... parts) const {
    throw E(text(who_, ": ", use_.name, ": ", parts..., ", at byte ", at_));
  }

  /// Reserves room for n more values.  The capacity doubles, but never exceeds `most`.
  template <class T> void make_room(std::vector<T>& v, size_t n, size_t most, const char* where) const {
    if (n > most - v.size()) refuse("more than ", most, " values in ", where);
    if (n > v.capacity() - v.size()) v.reserve(std::min(most, std::max(2 * v.capacity(), v.size() + n)));
  }

  // ---- reading the bytes

  std::string_view take(uint64_t n) {
    if (n > out_.bytes.size() - at_)
      refuse<PickleCut>("truncated: ", n, " bytes expected, there are ", out_.bytes.size() - at_);
    return out_.bytes.substr(std::exchange(at_, at_ + size_t(n)), size_t(n));
  }
  uint8_t byte() { return uint8_t(take(1)[0]); }
  template <class T> T little() {
    T x;
    std::memcpy(&x, take(sizeof x).data(), sizeof x);
    return x;
  }
  std::string_view line() {
    size_t end = out_.bytes.find('\n', at_);
    if (end == out_.bytes.npos) refuse<PickleCut>("truncated: a global has no end");
    std::string_view out = take(end - at_);
    take(1);
    return out;
  }

  // ---- the stack: values below the last mark may not be popped

  void push(Value::Kind kind, int64_t at = 0, uint32_t count = 0) { stack_.push_back({kind, count, at}); }
  void push_text(uint64_t n) {
    const size_t begin = at_;
    take(n);
    push(Value::text, int64_t(begin), uint32_t(n));
  }
  Value pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) refuse("takes a value from an empty stack");
    Value v = stack_.back();
    stack_.pop_back();
    return v;
  }
  Value pop(Value::Kind kind, const char* op) {
    Value v = pop();
    if (v.kind != kind) refuse(op, " expects ", name(kind), ", got ", name(v.kind));
    return v;
  }
  /// Removes the last mark and returns its position.
  size_t pop_mark() {
    if (marks_.empty()) refuse("no MARK on the stack");
    const size_t mark = marks_.back();
    marks_.pop_back();
    return mark;
  }
  void push_tuple(size_t n) {
    if (stack_.size() - (marks_.empty() ? 0 : marks_.back()) < n) refuse("takes a value from an empty stack");
    const int64_t at = int64_t(out_.pool.size());
    make_room(out_.pool, n, kMaxPool, "tuples");
    out_.pool.insert(out_.pool.end(), stack_.end() - ptrdiff_t(n), stack_.end());
    stack_.resize(stack_.size() - n);
    push(Value::tuple, at, uint32_t(n));
  }

  // ---- instructions: each function returns false for a code that it does not handle

  bool constant(uint8_t code) {
    switch (code) {
      case 'N': push(Value::none); break;                         // NONE
      case 0x88: push(Value::boolean, 1); break;                  // NEWTRUE
      case 0x89: push(Value::boolean, 0); break;                  // NEWFALSE
      case 'J': push(Value::integer, little<int32_t>()); break;   // BININT
      case 'K': push(Value::integer, byte()); break;              // BININT1
      case 'M': push(Value::integer, little<uint16_t>()); break;  // BININT2
      case 'G': take(8), push(Value::number); break;              // BINFLOAT: the value is dropped, weights need none
      case 'X': push_text(little<uint32_t>()); break;             // BINUNICODE
      case 0x8c: push_text(byte()); break;                        // SHORT_BINUNICODE
      case 'T': push_text(little<uint32_t>()); break;             // BINSTRING: text of Python 2
      case 'U': push_text(byte()); break;                         // SHORT_BINSTRING
      case 0x8a: {                                                // LONG1
        std::string_view digits = take(byte());
        if (digits.size() > 8) return push(Value::number, int64_t(at_ - digits.size()), uint32_t(digits.size())), true;
        int64_t x = !digits.empty() && int8_t(digits.back()) < 0 ? -1 : 0;
        std::memcpy(&x, digits.data(), digits.size());
        push(Value::integer, x);
        break;
      }
      default: return false;
    }
    return true;
  }

  bool container(uint8_t code) {
    switch (code) {
      case '(': marks_.push_back(stack_.size()); break;  // MARK
      case ')': push_tuple(0); break;                    // EMPTY_TUPLE
      case 0x85:
      case 0x86:
      case 0x87: push_tuple(code - 0x84u); break;  // TUPLE1, 2, 3
      case 't': {                                  // TUPLE
        const size_t mark = pop_mark();
        push_tuple(stack_.size() - mark);
        break;
      }
      case ']': push(Value::list, containers_++); break;  // EMPTY_LIST
      case 'a': {                                         // APPEND
        push_back(pop());                                 // refuses when there is no value
        append(stack_.size() - 1);
        break;
      }
      case 'e': append(pop_mark()); break;                // APPENDS
      case '}': push(Value::dict, containers_++); break;  // EMPTY_DICT
      case 's': {                                         // SETITEM
        Value value = pop(), key = pop(), dict = pop(Value::dict, "SETITEM");
        make_room(out_.items, 1, kMaxItems, "dicts");
        out_.items.push_back({dict.at, key, value});
        push_back(dict);
        break;
      }
      case 'u': {  // SETITEMS
        const size_t mark = pop_mark(), first = out_.items.size();
        if ((stack_.size() - mark) % 2) refuse("SETITEMS expects pairs, got ", stack_.size() - mark, " values");
        make_room(out_.items, (stack_.size() - mark) / 2, kMaxItems, "dicts");
        for (size_t i = mark; i < stack_.size(); i += 2) out_.items.push_back({0, stack_[i], stack_[i + 1]});
        stack_.resize(mark);
        Value dict = pop(Value::dict, "SETITEMS");
        for (size_t i = first; i < out_.items.size(); ++i) out_.items[i].dict = dict.at;
        push_back(dict);
        break;
      }
      default: return false;
    }
    return true;
  }
  void push_back(Value v) { stack_.push_back(v); }
  /// Appends the values from `first` on to the list below them.
  void append(size_t first) {
    const size_t n = stack_.size() - first, kept = out_.items.size();
    if (use_.lists) {
      make_room(out_.items, n, kMaxItems, "lists");
      for (size_t i = first; i < stack_.size(); ++i) out_.items.push_back({0, {}, stack_[i]});
    }
    stack_.resize(first);
    const Value list = pop(Value::list, "APPENDS");
    for (size_t i = kept; i < out_.items.size(); ++i) out_.items[i].dict = list.at;
    push_back(list);
  }

  bool memo(uint8_t code) {
    switch (code) {
      case 'q': remember(byte()); break;                  // BINPUT
      case 'r': remember(little<uint32_t>()); break;      // LONG_BINPUT
      case 0x94: remember(memo_.size()); break;           // MEMOIZE
      case 'h': recall(byte()); break;                    // BINGET
      case 'j': recall(little<uint32_t>()); break;        // LONG_BINGET
      case 0x95: check_frame(little<uint64_t>()); break;  // FRAME
      default: return false;
    }
    return true;
  }
  void remember(uint64_t slot) {
    const Value v = pop();
    push_back(v);
    if (slot > memo_.size()) refuse("memo entry ", slot, " before entry ", memo_.size());
    if (slot < memo_.size()) return void(memo_[slot] = v);
    make_room(memo_, 1, kMaxMemo, "the memo");
    memo_.push_back(v);
  }
  void recall(uint64_t slot) {
    if (slot >= memo_.size()) refuse("memo entry ", slot, " was never set");
    push_back(memo_[slot]);
  }
  void check_frame(uint64_t n) const {
    if (n > out_.bytes.size() - at_) refuse<PickleCut>("truncated: a frame of ", n, " bytes");
  }

  void call(uint8_t code) {
    switch (code) {
      case 'c': {  // GLOBAL
        std::string_view module = line();
        return push_global(module, line());
      }
      case 0x93: {  // STACK_GLOBAL
        Value name = pop(Value::text, "STACK_GLOBAL"), module = pop(Value::text, "STACK_GLOBAL");
        return push_global(out_.text(module), out_.text(name));
      }
      case 'R': {  // REDUCE
        Value arguments = pop(Value::tuple, "REDUCE"), function = pop(Value::global, "REDUCE");
        return reduce(function.at, arguments);
      }
      case 'Q': return push_storage(pop(Value::tuple, "BINPERSID"));  // BINPERSID
      case 'b':                                                       // BUILD: sets attributes, such as _metadata
        pop();
        return push_back(pop(Value::dict, "BUILD"));
      default: refuse("refuses the instruction ", int(code), " (", refused_instruction(code), ")");
    }
  }

  void push_global(std::string_view module, std::string_view name) {
    const int64_t row = find_global(module, name);
    if (row >= 0) return push(Value::global, row);
    auto bare = [](std::string_view s) {
      const std::string in_quotes = shown(s.substr(0, 80));
      return in_quotes.substr(1, in_quotes.size() - 2);
    };
    // In a pickle the functions of os are in posix or nt, and with protocol 2 those of builtins are in __builtin__.
    const char* usually = module == "posix" || module == "nt" ? "os." : module == "__builtin__" ? "builtins." : nullptr;
    refuse("refuses ", bare(module), ".", bare(name), usually ? text(" (", usually, bare(name), ")") : "",
           ", which no weights need", remedy(module, name));
  }

  void reduce(int64_t function, Value arguments) {
    auto kind = [&](uint32_t i) { return out_.part(arguments, i).kind; };
    if (function == kOrderedDict && arguments.count == 0) return push(Value::dict, containers_++);
    if (function == kSize && arguments.count == 1 && kind(0) == Value::tuple) return push_back(out_.part(arguments, 0));
    if (function == kParameter && arguments.count == 3 && kind(0) == Value::tensor)
      return push_back(out_.part(arguments, 0));
    if (function == kTensor && arguments.count == 7)
      refuse("holds a tensor that is yet to be negated [in Python: x.resolve_neg() before torch.save]");
    const bool tensor =
        (function == kTensor && arguments.count == 6) || (function == kTensorV1 && arguments.count == 4);
    if (tensor && kind(0) == Value::storage && kind(1) == Value::integer && kind(2) == Value::tuple &&
        kind(3) == Value::tuple)
      return push(Value::tensor, arguments.at, arguments.count);
    if (function >= kCallables) refuse("calls torch.", storage_type(function).global, ", which is a type");
    refuse("calls ", callable_name(function), " with other arguments than PyTorch");
  }

  void push_storage(Value id) {
    auto part = [&](uint32_t i) { return out_.part(id, i); };
    if (id.count == 6 && part(5).kind == Value::tuple)
      refuse("a storage that is part of another, as PyTorch before 0.4 wrote", kSaveAgain);
    const bool no_view = id.count == 5 || (id.count == 6 && part(5).kind == Value::none);
    const bool ok = no_view && part(0).kind == Value::text && out_.text(part(0)) == "storage" &&
                    part(1).kind == Value::global && part(1).at >= kCallables && part(2).kind == Value::text &&
                    part(4).kind == Value::integer && part(4).at >= 0;
    if (!ok) refuse("a persistent id must be ('storage', type, key, location, count)");
    if (part(2).count > kMaxKey) refuse("a storage's key has ", part(2).count, " bytes, the limit is ", kMaxKey);
    push(Value::storage, id.at, id.count);
    make_room(out_.storages, 1, kMaxPool, "storages");
    out_.storages.push_back(stack_.back());
  }

  const std::string& who_;
  const PickleUse& use_;
  Pickled out_;
  size_t at_ = 0;
  int64_t containers_ = 0;
  std::vector<Value> stack_, memo_;
  std::vector<size_t> marks_;
};

}  // namespace

const char* name(Value::Kind kind) {
  constexpr const char* names[] = {"None", "bool", "int",    "number",  "text",  "tuple",
                                   "list", "dict", "global", "storage", "tensor"};
  return names[kind];
}

const StorageType& Pickled::type(Value storage) const { return storage_type(part(storage, 1).at); }

Pickled read_pickle(std::string_view bytes, const std::string& who, const PickleUse& use) {
  return Machine(bytes, who, use).run();
}

}  // namespace camo::detail
