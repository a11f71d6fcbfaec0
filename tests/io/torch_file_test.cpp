#include "tensor/io/torch_file.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/random.h"
#include "tests/io/torch_judge.h"

using namespace camo;
using namespace camo::test;
using namespace camo::torch_writer;

namespace {

/// A file with one tensor "w" of this value.
std::string one(const std::string& value) { return file(pickle(dict(str("w") + value)), {kStorage}); }
std::string one_view(int64_t offset, const std::vector<int64_t>& shape, const std::vector<int64_t>& strides,
                     int64_t numel = 6) {
  return one(tensor({"FloatStorage", "0", numel, offset, shape, strides}));
}
std::string plain() { return one_view(0, {2, 3}, {3, 1}); }

/// A state_dict as PyTorch writes it: an OrderedDict with _metadata and memo entries throughout.
std::string like_torch() {
  std::string dictionary = global("collections", "OrderedDict") + "q\0)Rq\x01"s;
  dictionary += "("s + str("a.weight") + "q\x02"s + tensor({"FloatStorage", "0", 6, 0, {2, 3}, {3, 1}}) + "q\x03";
  dictionary += str("a.steps") + tensor({"LongStorage", "1", 1, 0, {}, {}}) + "u";
  dictionary += "}"s + str("_metadata") + "h\0)R("s + str("") + "}"s + str("version") + "K\x01su"s + "sb";
  return file(pickle(dictionary), {kStorage, numbers<int64_t>({7})});
}

}  // namespace

TEST_CASE("a state_dict as PyTorch writes it is read in its order") {
  OneFile file;
  SafeTensors in = read_torch(file(like_torch()));
  REQUIRE(in.tensors.size() == 2);
  CHECK(in.tensors[0].first == "a.weight");
  CHECK(equal_bits(in.tensors[0].second, from(kSix, {2, 3})));
  CHECK(equal_bits(in.tensors[1].second, full({}, 7, DType::i64)));
  CHECK(in.verified);
  CHECK(in.metadata.empty());
  CHECK(read_tensors(file.path).format == "PyTorch zip");  // recognised by its content
  CHECK(read_tensors_header(file.path).tensors.size() == 2);
  SafeHeader header = read_torch_header(file.path);
  REQUIRE(header.tensors.size() == 2);
  CHECK(header.tensors[0].type->name == "F32");
  CHECK(text(header.tensors[0].shape) == "(2, 3)");
  CHECK(header.format == "PyTorch zip");
  CHECK(header.tensors[1].begin == 24);
  CHECK(header.tensors[1].end == 32);
}

TEST_CASE("listing reads no tensor's data") {
  OneFile file;
  std::string bytes = like_torch();
  size_t at = bytes.find(kStorage);
  bytes[at] ^= 1;
  CHECK(read_torch_header(file(bytes)).tensors.size() == 2);
  CHECK(says(bytes, "damaged: \"archive/data/0\" does not have its checksum"));
}

TEST_CASE("a file that PyTorch wrote without checksums is read as unverified") {
  OneFile file;
  const std::string words = pickle(dict(str("w") + tensor({"FloatStorage", "0", 6, 0, {6}, {1}})));
  const SafeTensors in = read_torch(file(torch_writer::file(words, {kStorage}, {.sums = false})));
  CHECK(equal_bits(in.tensors[0].second, from(kSix, {6})));
  CHECK(!in.verified);
  CHECK(!read_torch_header(file.path).verified);
  CHECK_THROWS_AS(read_torch(file.path, {.require_checksums = true}), WeightsError);
  CHECK(says(zip({{"a/data.pkl", words}, {"a/data/0", kStorage, 0x808, 0, crc32(kStorage.data(), 24)}}), "damaged"));
}

TEST_CASE("every stored type is read as documented") {
  auto read = [](const std::string& type, const std::string& data, int64_t n) {
    OneFile at;
    SafeTensors in = read_torch(at(file(pickle(dict(str("w") + tensor({type, "0", n, 0, {n}, {1}}))), {data})));
    return in.tensors[0].second;
  };
  CHECK(equal_bits(read("FloatStorage", kStorage, 6), from(kSix, {6})));
  CHECK(equal_bits(read("DoubleStorage", numbers<double>({1.5, -2}), 2), from<double>({1.5, -2}, {2})));
  CHECK(equal_bits(read("HalfStorage", numbers<uint16_t>({0x3c00, 0xc000, 0x0001}), 3),
                   from<float>({1, -2, 0x1p-24f}, {3})));
  Tensor brief = read("BFloat16Storage", numbers<uint16_t>({0x3fc0, 0xbf80}), 2);
  CHECK(brief.dtype() == DType::bf16);
  CHECK(to_vector<float>(brief) == std::vector<float>{1.5, -1});
  CHECK(equal_bits(read("LongStorage", numbers<int64_t>({INT64_MIN, 5}), 2), from<int64_t>({INT64_MIN, 5}, {2})));
  CHECK(equal_bits(read("IntStorage", numbers<int32_t>({-3, 5}), 2), from<int64_t>({-3, 5}, {2})));
  CHECK(equal_bits(read("ShortStorage", numbers<int16_t>({-3, 5}), 2), from<int64_t>({-3, 5}, {2})));
  CHECK(equal_bits(read("CharStorage", numbers<int8_t>({-3, 5}), 2), from<int64_t>({-3, 5}, {2})));
  CHECK(equal_bits(read("ByteStorage", numbers<uint8_t>({253, 5}), 2), from<uint8_t>({253, 5}, {2})));
  CHECK(equal_bits(read("BoolStorage", numbers<uint8_t>({0, 1, 1}), 3), from<uint8_t>({0, 1, 1}, {3})));
}

TEST_CASE("transposed, sliced, expanded and shared views are copied dense") {
  auto read = [](const std::string& bytes) {
    OneFile at;
    return read_torch(at(bytes)).tensors[0].second;
  };
  CHECK(equal_bits(read(one_view(0, {3, 2}, {1, 3})), from<float>({0, 3, 1, 4, 2, 5}, {3, 2})));
  CHECK(equal_bits(read(one_view(1, {2, 2}, {3, 1})), from<float>({1, 2, 4, 5}, {2, 2})));
  CHECK(equal_bits(read(one_view(2, {2, 3}, {0, 1})), from<float>({2, 3, 4, 2, 3, 4}, {2, 3})));
  CHECK(equal_bits(read(one_view(5, {}, {})), from<float>({5}, {})));
  CHECK(equal_bits(read(one_view(0, {1, 6, 1}, {281474976710656, 1, 99})), from(kSix, {1, 6, 1})));
  CHECK(equal_bits(read(one_view(0, {0, 281474976710656}, {1, 1})), zeros({0, 281474976710656})));
  CHECK(equal_bits(read(one_view(1, {2, 1, 2}, {2, 0, 2})), from<float>({1, 3, 3, 5}, {2, 1, 2})));
  CHECK(equal_bits(read(one_view(0, {2, 3, 1}, {1, 2, 6})), from<float>({0, 2, 4, 1, 3, 5}, {2, 3, 1})));

  std::string shared = str("w") + tensor({"FloatStorage", "0", 6, 0, {6}, {1}}) + str("tied") +
                       tensor({"FloatStorage", "0", 6, 0, {3, 2}, {2, 1}});
  OneFile at;
  SafeTensors in = read_torch(at(file(pickle(dict(shared)), {kStorage})));
  CHECK(equal_bits(in.tensors[0].second, from(kSix, {6})));
  CHECK(equal_bits(in.tensors[1].second, from(kSix, {3, 2})));
  CHECK(in.tensors[0].second.storage() != in.tensors[1].second.storage());
}

TEST_CASE("weights inside a training checkpoint are found, and the chosen key is reported") {
  auto weights = [](const std::string& key) {
    return dict(str("w") + tensor({"FloatStorage", key, 6, 0, {6}, {1}}) + str("note") + str("x"));
  };
  auto read = [](const std::string& items) {
    OneFile at;
    return read_torch(at(file(pickle(dict(items)), {kStorage, numbers<float>({1, 1, 1, 1, 1, 1})})));
  };
  std::string rest = str("epoch") + integer(70000) + str("lr") + "G12345678"s + str("args") + dict("") + str("big") +
                     "\x8a\x09"
                     "123456789"s +
                     str("list") + "]("s + integer(1) + integer(2) + "e"s + "Na";
  SafeTensors in = read(rest + str("model") + weights("0") + str("model_ema") + weights("1"));
  CHECK(in.metadata == Metadata{{"torch.entry", "model_ema"}, {"torch.skipped", "\"note\""}});
  CHECK(equal_bits(in.tensors[0].second, ones({6})));
  in = read(rest + str("model_ema") + "N"s + str("model") + weights("0"));
  CHECK(in.metadata["torch.entry"] == "model");
  in = read(str("model") + weights("0") + str("state_dict") + dict(""));
  CHECK(in.metadata["torch.entry"] == "model");
  in = read(str("weight") + tensor({"FloatStorage", "0", 6, 0, {6}, {1}}) + str("a\xed\xa0\x80") + "N");
  CHECK(in.metadata == Metadata{{"torch.skipped", "\"a???\""}});  // Python writes an unpaired surrogate like this
  in = read(str("weight") + tensor({"FloatStorage", "0", 6, 0, {6}, {1}}) + str("optimizer") + weights("7"));
  CHECK(in.metadata == Metadata{{"torch.skipped", "\"optimizer\""}});
  CHECK(says(file(pickle(dict(rest))), "no tensor in its dict of \"epoch\", \"lr\", \"args\", \"big\", \"list\""));
  CHECK(says(file(pickle(tensor({"FloatStorage", "0", 6, 0, {6}, {1}})), {kStorage}), "holds tensor instead"));
  CHECK(says(file(pickle("}")), "accepted"));
}

TEST_CASE("only five harmless functions are accepted; the refusal of any other names it") {
  auto call = [](const std::string& module, const std::string& name) {
    return one(global(module, name) + "("s + str("echo") + "tR");
  };
  CHECK(says(call("os", "system"), "refuses os.system, which no weights need"));
  CHECK(says(call("posix", "system"), "refuses posix.system (os.system), which"));
  CHECK(says(call("builtins", "eval"), "refuses builtins.eval, which"));
  CHECK(says(call("__builtin__", "eval"), "refuses __builtin__.eval (builtins.eval), which"));
  CHECK(says(call("torch.hub", "load"), "refuses torch.hub.load"));
  CHECK(says(call("models.net", "Net"), "[a whole model: if you trust its source, in Python: torch.save("));
  CHECK(says(call("timm.models.swin", "SwinTransformer"), ".state_dict(), G)]"));
  CHECK(says(call("torch.serialization", "_get_layout"), "refuses torch.serialization._get_layout"));
  CHECK(
      says(call("__builtin__", "e\x1b[31m\x9b"), "refuses __builtin__.e\\u001b[31m? (builtins.e\\u001b[31m?), which"));
  CHECK(says(call("torch", "float32"),
             "refuses torch.float32, which no weights need [in Python: torch.save(torch.load(F, "
             "weights_only=True)[KEY], G)"));
  CHECK(says(call("torch._utils", "_rebuild_parameter_with_state"),
             "which no weights need [in Python: torch.save({k: v.d"));
  CHECK(says(call("argparse", "Namespace"), "refuses argparse.Namespace, which no weights need [if you trust"));
  CHECK(says(call("torch.nn.modules.conv", "Conv2d"), "which no weights need [a whole model: if you trust"));
  CHECK(says(call("numpy.core.multiarray", "scalar"), "refuses numpy.core.multiarray.scalar"));
  CHECK(says(call("torch._utils\t", "_rebuild_tensor_v2"), "refuses torch._utils\\u0009._rebuild_tensor_v2"));
  CHECK(says(one(str("os") + str("system") + "\x93"), "refuses os.system"));
  CHECK(says(one(str("collections") + str("OrderedDict") + "\x93)R"), "no tensor in its dict of \"w\""));
  CHECK(says(call("torch", "FloatStorage"), "calls torch.FloatStorage, which is a type"));
  CHECK(says(call("torch", "Size"), "calls torch.Size with other arguments"));
  CHECK(says(call("torch._utils", "_rebuild_tensor_v2"), "calls torch._utils._rebuild_tensor_v2 with other"));
  CHECK(says(one(str("os.system") + "("s + str("echo") + "tR"), "REDUCE expects global, got text"));
  CHECK(says(one(global("collections", "OrderedDict") + "]R"), "REDUCE expects tuple, got list"));
  CHECK(says(one("("s + global("torch", "FloatStorage") + str("echo") + "o"), "refuses the instruction 111 (OBJ)"));
  CHECK(says(one("(ios\nsystem\n"), "refuses the instruction 105 (INST)"));
  CHECK(says(one(")\x81"), "refuses the instruction 129 (NEWOBJ)"));
  CHECK(says(one("\x82\x01"), "refuses the instruction 130 (EXT1)"));
  CHECK(says(one("\xff"), "refuses the instruction 255 (unknown to Python)"));
  CHECK(says(one("]}b"), "BUILD expects dict, got list"));
}

TEST_CASE("parameters, sizes and newer protocols are read") {
  std::string value = tensor({"FloatStorage", "0", 6, 0, {6}, {1}});
  const std::string parameter = global("torch._utils", "_rebuild_parameter");
  const std::string negated = value.substr(0, value.size() - 2) + dict(str("neg") + "\x88") + "tR";
  CHECK(says(one(negated), "holds a tensor that is yet to be negated [in Python: x.resolve_neg()"));
  CHECK(says(one(parameter + "("s + value + "\x88"s + ordered_dict() + "tR"), "accepted"));
  CHECK(says(one(parameter + "(N\x88"s + ordered_dict() + "tR"), "with other"));
  std::string sized = global("torch._utils", "_rebuild_tensor_v2") + "("s + storage("FloatStorage", "0", 6) + "K\0"s +
                      global("torch", "Size") + "K\x06\x85\x85R"s + "K\x01\x85\x89N"s + "tR";
  CHECK(says(one(sized), "accepted"));
  CHECK(says(one(sized.replace(sized.find("K\x06\x85"), 2, "\x8a\x01\xff")), "from 0 to 2^48, got -1"));
  std::string body = "}\x94\x8c\x01w"s + value + "s.";
  CHECK(says(file("\x80\x04\x95"s + raw<uint64_t>(body.size()) + body, {kStorage}), "accepted"));
  CHECK(says(file("\x80\x04\x95"s + raw<uint64_t>(body.size() + 1) + body, {kStorage}), "truncated: a frame"));
}

TEST_CASE("hostile pickles are refused quickly, with a reason") {
  CHECK(says(one(")K\0R"s), "REDUCE expects tuple, got int"));
  CHECK(says(file(pickle("]q\0h\0a"s)), "holds list instead"));              // a list inside itself
  CHECK(says(file(pickle("}q\0"s + str("model") + "h\0s"s)), "no tensor"));  // a dict inside itself
  CHECK(says(file(pickle("(h\0"s)), "memo entry 0 was never set"));
  CHECK(says(file(pickle("Nr\xff\xff\xff\xff"s)), "memo entry 4294967295 before entry 0"));
  CHECK(says(file(pickle("X\xff\xff\xff\xff")), "truncated: 4294967295 bytes expected"));
  CHECK(says(file(pickle("\x8c\xff")), "truncated"));
  CHECK(says(file(pickle("\x8a\xff")), "truncated"));
  CHECK(says(file(pickle("cos")), "truncated: a global has no end"));
  CHECK(says(file(pickle("(K\x01u")), "SETITEMS expects pairs"));
  CHECK(says(file(pickle("}K\x01(u")), "SETITEMS expects dict, got int"));
  CHECK(says(file(pickle("}K\x01s")), "empty stack"));
  CHECK(says(file(pickle("K\x01(\x85")), "empty stack"));  // pops a value below a mark
  CHECK(says(file(pickle("t")), "no MARK"));
  CHECK(says(file(pickle("")), "ends with 0 values"));
  CHECK(says(file(pickle("NN")), "ends with 2 values"));
  CHECK(says(file(pickle("}") + "."), "1 bytes after its end"));
  CHECK(says(file("\x80\x01}."), "protocol must be 2 to 5, got 1 [if you trust its source"));
  CHECK(says(file("}."), "does not begin with PROTO, as protocols from 2 do [if you trust its source"));
  CHECK(says(file(""), "truncated"));
  CHECK(says(file(pickle(std::string(70000, 'N'))), "more than 65536 values"));
  CHECK(says(file(pickle(std::string(70000, '('))), "more than 65536 values"));
  std::string many;
  for (int i = 0; i < 17; ++i) many += "("s + std::string(62'000, 'N') + "u";
  CHECK(says(file(pickle("}"s + many + many)), "more than 1048576 values in dicts"));
  many.clear();
  for (int i = 0; i < 70; ++i) many += "("s + std::string(62'000, 'N') + "t";
  CHECK(says(file(pickle(many)), "more than 4194304 values in tuples"));
  CHECK(says(file(pickle("N"s + std::string(5 << 20, '\x94'))), "more than 4194304 values in the memo"));
  const std::string place = str("0") + str("cpu");
  CHECK(says(one("("s + str("storage") + global("torch", "FloatStorage") + place + "tQ"), "persistent id"));
  CHECK(says(one("("s + str("storage") + global("torch", "Size") + place + "K\x06tQ"), "persistent id"));
  CHECK(says(one(storage("FloatStorage", "0", -1)), "persistent id"));
  std::string twice = str("w") + tensor({"FloatStorage", "0", 6, 0, {6}, {1}});
  CHECK(says(file(pickle(dict(twice + twice)), {kStorage}), "the key \"w\" is there twice"));
  CHECK(says(file(pickle(dict(twice + str("w") + "N")), {kStorage}), "the key \"w\" is there twice"));
  const std::string inner = str("model") + dict(twice);
  CHECK(says(file(pickle(dict(inner + inner)), {kStorage}), "the key \"model\" is there twice"));
  CHECK(says(file(pickle(dict("K\x01"s + tensor({"FloatStorage", "0", 6, 0, {6}, {1}}))), {kStorage}), "must be text"));
  CHECK(says(file(pickle(dict(str("a\n") + tensor({"FloatStorage", "0", 6, 0, {6}, {1}}))), {kStorage}), "control"));
  CHECK(says(file(pickle(dict(str("\xff") + tensor({"FloatStorage", "0", 6, 0, {6}, {1}}))), {kStorage}), "UTF-8"));
}

TEST_CASE("long keys, which would take long to compare, are refused") {
  const std::string longer(257, '1');
  CHECK(says(one(tensor({"FloatStorage", longer, 6, 0, {6}, {1}})), "a storage's key has 257 bytes, the limit is 256"));
  CHECK(says(file(pickle(dict(str(std::string(4097, 'k')) + "N"))), "a key has 4097 bytes, the limit is 4096"));
}

TEST_CASE("a view stays inside its storage, and a storage has the size and type it claims") {
  CHECK(says(one_view(1, {2, 3}, {3, 1}), "reaches element 6 of a storage of 6"));
  CHECK(says(one_view(0, {2, 3}, {4, 1}), "reaches element 6 of"));
  CHECK(says(one_view(-1, {2}, {1}), "its offset is -1"));
  CHECK(says(one_view(INT64_MAX, {2}, {1}), "overflows"));
  CHECK(says(one_view(0, {2, 3}, {3, -1}), "from 0 to 2^48, got -1"));
  CHECK(says(one_view(0, {-2}, {1}), "from 0 to 2^48, got -2"));
  CHECK(says(one_view(0, {281474976710657}, {1}), "from 0 to 2^48"));
  CHECK(says(one_view(0, {281474976710656, 281474976710656}, {0, 0}), "overflows"));
  CHECK(says(one_view(0, {2, 2}, {281474976710656, 281474976710656}), "reaches element 562949953421312"));
  CHECK(says(one_view(0, {1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}), "has 7 axes"));
  CHECK(says(one_view(0, {6}, {}), "1 sizes and 0 strides"));
  CHECK(says(one_view(0, {1000000}, {0}), "need more than 8 times the file's"));
  CHECK(says(one_view(0, {281474976710656}, {0}), "need more than 8 times the file's"));
  CHECK(says(one_view(0, {6}, {1}, 7), "its storage has 24 bytes, should have 7 numbers of F32"));
  CHECK(says(one_view(0, {6}, {1}, 5), "reaches element 5 of a storage of 5"));
  CHECK(says(one_view(0, {5}, {1}, 5), "should have 5 numbers"));
  CHECK(says(one(tensor({"FloatStorage", "1", 6, 0, {6}, {1}})), "its storage \"1\" is not there"));
  CHECK(says(one(tensor({"FloatStorage", "../version", 0, 0, {0}, {1}})), "is not there"));
  std::string mixed = str("a") + tensor({"FloatStorage", "0", 6, 0, {6}, {1}}) + str("b") +
                      tensor({"LongStorage", "0", 3, 0, {3}, {1}});
  CHECK(says(file(pickle(dict(mixed)), {kStorage}), "take one storage for F32 and I64"));
}

TEST_CASE("a zip must be stored and complete, and its headers must agree with its directory") {
  std::string good = plain();
  CHECK(says(good, "accepted"));
  const std::string words = pickle(dict(str("w") + tensor({"FloatStorage", "0", 6, 0, {2, 3}, {3, 1}})));
  CHECK(says(file(words, {kStorage}, {.wide = false}), "accepted"));
  CHECK(says(file(words, {kStorage}, {.sentinels = true}), "accepted"));
  CHECK(says(file(words, {kStorage}, {.wide = false, .sentinels = true}), "directory"));
  const std::string end = good.substr(good.size() - 22);
  CHECK(says(file(words, {kStorage}, {.comment = "hello"}), "with a comment"));
  CHECK(says(file(words, {kStorage}, {.comment = end}), "does not end where"));  // the comment is itself an end record
  CHECK(says(good + good, "out of place"));
  CHECK(says("x"s + good, "is no file of torch.save's"));
  CHECK(says(good + "x", "does not end with an end record"));

  auto records = [&](auto change) {
    std::vector<Record> r = {{"a/data.pkl", words}, {"a/data/0", kStorage}};
    change(r);
    return zip(r);
  };
  CHECK(says(records([](auto&) {}), "accepted"));
  CHECK(says(records([](auto& r) { r[0].flags = r[1].flags = 0; }), "accepted"));
  CHECK(says(records([](auto& r) { r[1].flags = 0, r[1].local_size = 24; }), "accepted"));
  CHECK(says(records([](auto& r) { r[1].flags = 0, r[1].local_size = 25; }), "differs from the directory"));
  CHECK(says(records([](auto& r) { r[1].method = 8; }), "is compressed (deflate)"));
  CHECK(says(records([](auto& r) { r[1].method = 93; }), "is compressed (method 93)"));
  CHECK(says(records([](auto& r) { r[1].flags |= 1; }), "is encrypted"));
  CHECK(says(records([](auto& r) { r[1].flags |= 0x40; }), "of an unknown kind"));
  CHECK(says(records([](auto& r) { r[1].crc_flip = 1; }), "does not have its checksum"));
  CHECK(says(records([](auto& r) { r[0].crc_flip = 1; }), "does not have its checksum"));
  CHECK(says(records([](auto& r) { r.push_back(r[1]); }), "two records have the name \"a/data/0\""));
  CHECK(says(records([](auto& r) { r.push_back({"b/data.pkl", "x"}); }), "with 2 records FOLDER/data.pkl"));
  CHECK(says(records([](auto& r) { r[0].name = "data.pkl"; }), "with 0 records"));
  CHECK(says(records([](auto& r) { r[0].name = "/data.pkl"; }), "with 0 records"));
  CHECK(says(records([](auto& r) { r[1].name = ""; }), "the name \"\" is empty"));
  CHECK(says(records([](auto& r) { r[1].name = "a\n"; }), "control character"));
  CHECK(says(records([](auto& r) { r[1].name = std::string(513, 'n'); }), "longer than 512"));
  CHECK(says(records([](auto& r) { r.push_back({"a/byteorder", "big"}); }), "not little-endian"));
  CHECK(says(records([](auto& r) { r.push_back({"a/constants.pkl", ""}); }), "TorchScript"));
  CHECK(says(zip({}), "is no file of torch.save's"));

  // Changes each number of the directory, of the local headers and of the end records in turn.
  auto change = [&](std::string_view mark, size_t offset, int times, const std::string& words) {
    std::string bytes = good;
    size_t at = bytes.find(mark);
    while (--times > 0) at = bytes.find(mark, at + 1);
    bytes[at + offset] ^= 1;
    return says(bytes, words);
  };
  CHECK(change("PK\x01\x02", 16, 3, "differs from the directory"));  // checksum
  CHECK(change("PK\x01\x02", 20, 3, "is stored, but"));              // packed size
  CHECK(change("PK\x01\x02", 42, 2, "the record before it ends at"));
  CHECK(change("PK\x01\x02", 28, 1, "is damaged"));
  CHECK(change("PK\x01\x02", 34, 1, "on another disk"));
  CHECK(change("PK\x03\x04", 6, 2, "differs from the directory"));
  CHECK(change("PK\x03\x04", 22, 2, "differs from the directory"));
  CHECK(change("PK\x03\x04", 28, 2, "data descriptor"));
  CHECK(change("PK\x03\x04", 30, 2, "differs from the directory"));
  CHECK(change("PK\x07\x08", 4, 2, "data descriptor"));
  CHECK(change("PK\x07\x08", 8, 2, "data descriptor"));
  CHECK(change("PK\x06\x06", 4, 1, "zip64 end record is damaged"));
  CHECK(change("PK\x06\x06", 32, 1, "several disks"));
  CHECK(change("PK\x06\x06", 40, 1, "two end records differ"));
  CHECK(change("PK\x06\x07", 16, 1, "several disks"));
  CHECK(change("PK\x06\x07", 15, 1, "lies outside of the file"));
  CHECK(change("PK\x05\x06", 8, 1, "several disks"));
  CHECK(change("PK\x05\x06", 12, 1, "two end records differ"));
}

TEST_CASE("limits are enforced, and other formats are recognised") {
  CHECK(judge(plain(), {.max_header = 64}).find("the limits are 64") != std::string::npos);
  CHECK(judge(one(std::string(2000, 'N')), {.max_header = 1000}).find("the limit is 1000") != std::string::npos);
  CHECK(says(std::string(257, 'x') + "ustar"s + std::string(200, '\0'), "is a tar, as PyTorch wrote before 0.2"));
  CHECK(says("", "is no file of torch.save's"));
  CHECK_THROWS_AS(read_torch("/nonexistent.pth"), WeightsError);
}

TEST_CASE("a file truncated anywhere, or with one bit flipped in a part that is read, is refused") {
  const std::string good = like_torch();
  int accepted = 0;
  for (size_t n = 0; n < good.size(); ++n) accepted += judge(good.substr(0, n)) == "accepted";
  CHECK(accepted == 0);

  // A flip may be accepted only where it changes nothing: dates, padding, records that are not read.
  OneFile at;
  const SafeTensors wanted = read_torch(at(good));
  int changed = 0;
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bytes = good;
    bytes[bit / 8] ^= char(1 << bit % 8);
    try {
      SafeTensors in = read_torch(at(bytes));
      bool same = in.tensors.size() == wanted.tensors.size();
      for (size_t i = 0; same && i < wanted.tensors.size(); ++i)
        same = in.tensors[i].first == wanted.tensors[i].first &&
               equal_bits(in.tensors[i].second, wanted.tensors[i].second);
      changed += !same;
    } catch (const WeightsError&) {}
  }
  CHECK(changed == 0);
}

TEST_CASE("none of 20 000 random changes to a pickle does more than raise WeightsError") {
  const std::string good = like_torch();
  const size_t begin = good.find("\x80\x02"), end = good.find("PK\x07\x08");
  const std::string words = good.substr(begin, end - begin);
  uint64_t state = 1;
  auto random = [&] { return state = state * 6364136223846793005u + 1442695040888963407u, state >> 33; };
  OneFile at;
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = words;
    for (uint64_t k = random() % 4 + 1; k > 0; --k) {
      const size_t place = random() % changed.size();
      switch (random() % 3) {
        case 0: changed[place] = char(random()); break;
        case 1: changed.erase(place, random() % 4); break;
        default: changed.insert(place, words.substr(random() % words.size(), random() % 12));
      }
      if (changed.empty()) changed.assign(1, char(0x80));
    }
    try {
      read_torch(at(file(changed, {kStorage, numbers<int64_t>({7})})));
      ++accepted;
    } catch (const WeightsError&) {}
  }
  CHECK(accepted < 20'000);
}
