// Files that torch.save wrote before PyTorch 1.6: five pickles and raw storages (tensor/io/torch_container.h).
#include <doctest/doctest.h>

#include "tensor/io/io.h"
#include "tests/io/torch_judge.h"

using namespace camo;
using namespace camo::test;
using namespace camo::torch_writer;

TEST_CASE("a file from before PyTorch 1.6 is read") {
  const std::string state = pickle(dict(str("a.weight") + legacy_tensor({"FloatStorage", "1", 6, 0, {3, 2}, {1, 3}}) +
                                        str("a.steps") + legacy_tensor({"LongStorage", "0", 1, 0, {}, {}}) +
                                        str("tied") + legacy_tensor({"FloatStorage", "1", 6, 2, {4}, {1}})));
  const std::string good = legacy_file(state, {{1, numbers<int64_t>({7})}, {6, kStorage}});
  OneFile at;
  SafeTensors in = read_tensors(at(good));
  REQUIRE(in.tensors.size() == 3);
  CHECK(in.tensors[0].first == "a.weight");
  CHECK(equal_bits(in.tensors[0].second, from<float>({0, 3, 1, 4, 2, 5}, {3, 2})));
  CHECK(equal_bits(in.tensors[1].second, full({}, 7, DType::i64)));
  CHECK(equal_bits(in.tensors[2].second, from<float>({2, 3, 4, 5}, {4})));
  CHECK(in.format == "PyTorch file from before 1.6");
  CHECK(!in.verified);
  CHECK_THROWS_AS(read_torch(at.path, {.require_checksums = true}), WeightsError);
  const SafeHeader header = read_tensors_header(at.path);
  REQUIRE(header.tensors.size() == 3);
  CHECK(text(header.tensors[0].shape) == "(3, 2)");
  CHECK(header.tensors[2].type->name == "F32");

  int accepted = 0;
  for (size_t n = 0; n < good.size(); ++n) accepted += judge(good.substr(0, n)) == "accepted";
  CHECK(accepted == 0);
  CHECK(says(good + "x", "1 bytes after its last storage"));
}

TEST_CASE("a file from before PyTorch 1.6 is read by the same closed interpreter, and its storages must fit") {
  auto with = [](const std::string& value, const std::vector<std::pair<int64_t, std::string>>& storages) {
    return legacy_file(pickle(dict(str("w") + value)), storages);
  };
  const View plain = {"FloatStorage", "0", 6, 0, {6}, {1}};
  CHECK(says(with(legacy_tensor(plain), {{6, kStorage}}), "accepted"));
  CHECK(says(with(tensor(plain), {{6, kStorage}}), "accepted"));
  CHECK(says(with(legacy_tensor(plain, "(" + str("1") + "K\0K\6t"s), {{6, kStorage}}), "that is part of another"));
  CHECK(says(with(global("posix", "system") + "("s + str("echo") + "tR", {}), "refuses posix.system (os.system)"));
  CHECK(says(with(global("models.net", "Net") + ")\x81", {}), "[a whole model: if you trust its source, in Python"));
  // Before PyTorch 0.4, and with the text of Python 2.
  std::string first = legacy_tensor(plain);
  first.replace(first.find("_rebuild_tensor_v2"), 18, "_rebuild_tensor");
  first.replace(first.find("\x89" + global("collections", "OrderedDict")), 28, "");
  CHECK(says(legacy_file(pickle("}U\1w"s + first + "s"), {{6, kStorage}}), "accepted"));
  CHECK(says(legacy_file(pickle("}T\1\0\0\0w"s + first + "s"), {{6, kStorage}}), "accepted"));

  CHECK(says(with(legacy_tensor(plain), {}), "its storage \"0\" is not there"));
  CHECK(says(with(legacy_tensor(plain), {{5, kStorage}}), "storage \"0\" has 5 numbers, should have 6"));
  CHECK(says(with(legacy_tensor(plain), {{6, kStorage.substr(1)}}), "truncated: storage \"0\" of 6 numbers of F32"));
  CHECK(says(with(legacy_tensor({"FloatStorage", "0", INT64_MAX, 0, {6}, {1}}), {{INT64_MAX, kStorage}}), "truncated"));
  CHECK(says(with(legacy_tensor(plain), {{6, kStorage}, {6, kStorage}}), "of which type its storage \"1\" is"));
  const View other = {"LongStorage", "0", 3, 0, {3}, {1}};
  const std::string both = str("v") + legacy_tensor(other) + str("w") + legacy_tensor(plain);
  CHECK(says(legacy_file(pickle(dict(both)), {{6, kStorage}}), "is there with two types or sizes"));

  const std::string good = with(legacy_tensor(plain), {{6, kStorage}});
  auto changed = [&](const std::string& from, const std::string& to) {
    std::string bytes = good;
    return bytes.replace(bytes.find(from), from.size(), to);
  };
  CHECK(says(changed("\x6c\xfc", "\x6c\xfd"), "is a pickle, but not one that torch.save wrote"));
  CHECK(says(changed("M\xe9\x03", "M\xe8\x03"), "the version of its format must be 1001"));
  CHECK(says(changed("\x88", "\x89"), "not little-endian"));
  CHECK(says(changed("]q\0("s, "]q\0(K\1"s), "must hold their keys"));
  std::string twice = with(legacy_tensor(plain), {{6, kStorage}, {6, kStorage}});
  twice.replace(twice.rfind(str("1")), str("1").size(), str("0"));
  CHECK(says(twice, "is listed twice"));
  CHECK(says(changed("]q\0("s, "}q\0("s), "its list of storages: APPENDS expects list, got dict"));
  CHECK(judge(good, {.max_header = 100}).find("its pickles take more than 100 bytes") != std::string::npos);
}

TEST_CASE("a pickle that is longer than the first megabyte of a file from before PyTorch 1.6 is read") {
  std::string items;
  for (int i = 0; i < 3; ++i) items += str("note" + std::to_string(i)) + str(std::string(1'000'000, 'x'));
  const std::string weights = str("w") + legacy_tensor({"FloatStorage", "0", 6, 0, {6}, {1}});
  CHECK(says(legacy_file(pickle(dict(items + weights)), {{6, kStorage}}), "accepted"));
}
