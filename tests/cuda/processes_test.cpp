// GPUs of many processes: their gradients travel by NCCL, or by MPI through the host, and the bits are the same.
// Emulated, with a stand-in for NCCL (nccl/), under mpiexec.
#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/nn/odd_net.h"

using namespace camo;
using namespace camo::nn::test;

namespace {

void check_same(const OddEnding& got, const OddEnding& expected) {
  REQUIRE(got.size() == expected.size());
  for (const auto& [name, bytes] : expected) CHECK_MESSAGE(got.at(name) == bytes, name);
}

}  // namespace

TEST_CASE("a process among others: its GPU sends by NCCL and by MPI, and the ending is that of one process" *
          doctest::skip()) {
  const Device gpu{Device::cuda, 0};
  Processes& host = processes();
  Processes& direct = processes(gpu);
  REQUIRE(host.count() > 1);
  CHECK((!host.reaches(gpu) && direct.reaches(gpu) && !direct.reaches(Device{})));
  for (bool recompute : {false, true}) {
    const OddEnding expected = one_process(recompute, gpu);
    for (Processes* all : {&host, &direct})
      for (int64_t bucket_bytes : {256, 1 << 20}) {
        const int64_t before = all->bytes_sent;
        const OddEnding got = many_processes(*all, recompute, bucket_bytes, gpu);
        CHECK(all->bytes_sent - before > 10000);  // the gradients have gone this way
        if (host.first()) check_same(got, expected);
      }
  }
  end_processes();
}

TEST_CASE("2 and 3 processes with a GPU each") {
  if (!*CAMO_MPIEXEC) {
    CHECK_MESSAGE(!std::getenv("CAMO_OPTIONAL"), "CAMO_OPTIONAL asks for MPI, and this build has none");
    MESSAGE("skipped: built without MPI");
    return;
  }
  for (int n : {2, 3}) {
    const std::string line = text(CAMO_MPIEXEC, " -n ", n, " ", CAMO_TEST_BINARY,
                                  " --no-skip --test-case='a process among others*' > ", CAMO_TEST_BINARY, ".log 2>&1");
    CAPTURE(n);
    CHECK_MESSAGE(std::system(line.c_str()) == 0, line);
  }
}
