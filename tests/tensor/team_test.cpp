// The threads of parallel loops: every chunk once, any number of threads, errors, calls from inside, after a fork.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tensor/error.h"
#include "tensor/parallel.h"

using namespace camo;

namespace {

/// The number of calls for each of n numbers.
std::vector<int> visits(int64_t n) {
  std::vector<std::atomic<int>> count(static_cast<size_t>(n));
  parallel_chunks(n, 3, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++count[size_t(i)];
  });
  return {count.begin(), count.end()};
}

bool each_once(int64_t n) { return visits(n) == std::vector<int>(size_t(n), 1); }

}  // namespace

TEST_CASE("every number is visited once, whatever the number of threads, also when it changes between loops") {
  for (int round = 0; round < 200; ++round)
    for (int count : {1, 2, 5, 3, 1, 4}) {
      set_threads(count);
      REQUIRE(each_once(1 + round % 40));
    }
  set_threads(0);
}

TEST_CASE("more threads than one take part") {
  set_threads(3);
  std::atomic<int> here = 0;
  std::vector<std::thread::id> ids(3);
  // Each chunk waits for the others, so three threads must be there.
  parallel_chunks(3, 1, [&](int64_t begin, int64_t) {
    ids[size_t(begin)] = std::this_thread::get_id();
    ++here;
    while (here < 3) std::this_thread::yield();
  });
  CHECK(ids[0] == std::this_thread::get_id());
  CHECK(ids[1] != ids[0]);
  CHECK(ids[2] != ids[0]);
  CHECK(ids[1] != ids[2]);
  set_threads(0);
}

TEST_CASE("an error in any chunk is thrown by the loop, and the next loop works") {
  set_threads(3);
  for (int64_t bad = 0; bad < 9; ++bad) {
    auto loop = [&] {
      parallel_chunks(9, 1, [&](int64_t begin, int64_t) { check<DataError>(begin != bad, "number ", begin); });
    };
    CHECK_THROWS_WITH_AS(loop(), doctest::Contains(text("number ", bad).c_str()), DataError);
    CHECK(each_once(20));
  }
  set_threads(0);
}

TEST_CASE("a loop inside a loop, and one of another thread, run alone") {
  set_threads(3);
  std::atomic<int> inner = 0, other_threads = 0;
  parallel_chunks(6, 1, [&](int64_t, int64_t) {
    const auto me = std::this_thread::get_id();
    parallel_chunks(4, 1, [&](int64_t, int64_t) { ++inner, other_threads += std::this_thread::get_id() != me; });
  });
  CHECK(inner == 24);
  CHECK(other_threads == 0);
  bool once = false;
  std::thread([&] { once = each_once(50); }).join();
  CHECK(once);
  set_threads(0);
}

TEST_CASE("a process that was forked has its own threads") {
  set_threads(3);
  CHECK(each_once(30));
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(each_once(30) ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(each_once(30));
  set_threads(0);
}
