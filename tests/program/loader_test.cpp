// The data loader: any number of workers gives the same items in the same order, exceptions arrive, nothing hangs.
#include "examples/camo/data/loader.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>

#include "examples/camo/data/background.h"
#include "tensor/error.h"

using namespace camo;
using namespace camo::program;

namespace {

/// Takes an uneven time per item, so that workers overtake each other.
int64_t slow_square(int64_t i) {
  std::this_thread::sleep_for(std::chrono::microseconds(i * 7919 % 500));
  return i * i;
}

std::vector<int64_t> all(Loader<int64_t>& loader) {
  std::vector<int64_t> out;
  while (auto item = loader.next()) out.push_back(*item);
  return out;
}

}  // namespace

TEST_CASE("items come in order, whatever the number of workers") {
  std::vector<int64_t> order = shuffled(100, 7, 3), expected;
  for (int64_t i : order) expected.push_back(i * i);
  for (int workers : {0, 1, 3, 8}) {
    Loader<int64_t> loader(slow_square, order, workers, 4);
    CHECK(all(loader) == expected);
    CHECK(!loader.next());
  }
}

TEST_CASE("no more items are prepared ahead than allowed") {
  for (int workers : {1, 3}) {
    std::atomic<int64_t> made = 0;
    Loader<int64_t> loader([&](int64_t i) { return ++made, i; }, in_order(1000), workers, 4);
    for (int64_t taken = 0; taken < 50; ++taken) {
      CHECK(loader.next() == taken);
      CHECK(made <= taken + 1 + 4 + 2 * workers);
    }
  }  // left early: destruction joins the workers
}

TEST_CASE("a worker's exception is raised in place of its item") {
  for (int workers : {0, 1, 3}) {
    Loader<int64_t> loader([](int64_t i) { return check<DataError>(i != 5, "five.png: damaged"), i; }, in_order(10),
                           workers, 4);
    for (int64_t i = 0; i < 5; ++i) CHECK(loader.next() == i);
    CHECK_THROWS_WITH_AS(loader.next(), "five.png: damaged", DataError);
  }
}

TEST_CASE("the order is a permutation that depends on seed and epoch alone") {
  std::vector<int64_t> a = shuffled(50, 1, 0), sorted = a;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == in_order(50));
  CHECK(a == shuffled(50, 1, 0));
  CHECK(a != shuffled(50, 1, 1));
  CHECK(a != shuffled(50, 2, 0));
  CHECK(shuffled(0, 1, 0).empty());
}

TEST_CASE("in the order of an epoch every item is equally often in every place") {
  constexpr int64_t n = 5, epochs = 2000;
  std::vector<int64_t> count(n * n);
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    const std::vector<int64_t> order = shuffled(n, 1, epoch);
    for (int64_t place = 0; place < n; ++place) ++count[size_t(place * n + order[size_t(place)])];
  }
  for (int64_t c : count) CHECK(std::abs(double(c) - double(epochs) / n) < 90);  // five standard deviations
}

TEST_CASE("the last batch may be smaller") {
  auto make = [](int64_t i) {
    return RawSample{full({2, 3, 3}, double(i), DType::u8), full({2, 3, 1}, double(i % 2 * 255), DType::u8), {}};
  };
  Loader<RawSample> loader(make, in_order(5), 2, 4);
  for (int64_t size : {2, 2, 1}) {
    std::optional<Sample> batch = next_batch(loader, 2, Device{});
    REQUIRE(batch);
    CHECK(batch->image.shape() == Shape{size, 2, 3, 3});
    CHECK(batch->mask.shape() == Shape{size, 2, 3, 1});
  }
  CHECK(!next_batch(loader, 2, Device{}));
}

TEST_CASE("tasks in the background are all done, on other threads, and never more than allowed wait") {
  for (int threads : {0, 1, 3}) {
    std::atomic<int> begun = 0, done = 0;
    Background background(threads, 2);
    for (int i = 0; i < 40; ++i) {
      background.add([&, adder = std::this_thread::get_id()] {
        CHECK((std::this_thread::get_id() == adder) == (threads == 0));
        ++begun;
        slow_square(i);
        ++done;
      });
      CHECK(i + 1 - begun <= 2 + threads);  // those that wait, and those that are about to begin
    }
    background.finish();
    CHECK(done == 40);
  }
}

TEST_CASE("what a task throws arrives, at the next task or at the end, and ends the others") {
  for (int threads : {0, 1, 3}) {
    Background background(threads, 2);
    const auto fail = [] { throw DataError("full disk"); };
    CHECK_THROWS_AS((background.add(fail), background.finish()), DataError);
    int added = 0;
    CHECK_THROWS_AS(
        [&] {
          background.add(fail);
          for (; added < 1000; ++added) background.add([] { slow_square(1); });
        }(),
        DataError);
    CHECK(added < 1000);
  }
}
