// The CUDA emulator.  CUDA's keywords and functions must behave as in CUDA.  The canaries are kernels with one bug
// each; they must be caught with a message that names the kernel and, where there is one, the block and thread.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <numeric>
#include <vector>

#include "cuda/tools/launch.cuh"

using namespace camo;
using emulate::kAsan;

namespace {

template <class... P, class... A>
void start(const char* name, dim3 grid, dim3 block, size_t shared, void (*kernel)(P...), A... arguments) {
  cuda::launch(Cuda{}, name, grid, block, shared, kernel, arguments...);
}

/// Device memory with the lifetime of this object.
template <class T> struct Array {
  int64_t n;
  T* at;
  explicit Array(int64_t n) : n(n), at(static_cast<T*>(emulate::allocate(n * int64_t(sizeof(T))))) {}
  ~Array() { emulate::release(at); }
  Array(const Array&) = delete;
  void set(T value) { std::fill(at, at + n, value); }
  std::string bytes() const { return {reinterpret_cast<const char*>(at), size_t(n) * sizeof(T)}; }
};

struct Scheduled {
  uint64_t before = emulate::schedule();
  explicit Scheduled(uint64_t seed) { emulate::set_schedule(seed); }
  ~Scheduled() { emulate::set_schedule(before); }
};

std::string message_of(const auto& f) {
  try {
    f();
  } catch (const DeviceError& e) {
    return e.what();
  }
  return "nothing was thrown";
}

/// What f writes to stderr before it kills its process.
std::string last_words(const auto& f) {
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGABRT, SIG_DFL);
    ::dup2(pipe[1], 2);
    f();
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string said;
  char part[4096];
  for (ssize_t n; (n = ::read(pipe[0], part, sizeof part)) > 0;) said.append(part, size_t(n));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status != 0);
  return said;
}

void check_says(const std::string& message, std::initializer_list<const char*> parts) {
  for (const char* part : parts) {
    CAPTURE(message);
    CAPTURE(part);
    CHECK(message.find(part) != std::string::npos);
  }
}

const uint64_t kSeeds[] = {0, 1, 2, 3, 4, 5};

// ---- correct kernels --------------------------------------------------------------------------------------
__global__ void indices(int* out) {
  const int64_t block = blockIdx.x + int64_t(gridDim.x) * (blockIdx.y + int64_t(gridDim.y) * blockIdx.z);
  const int64_t thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] =
      int(100000 * threadIdx.z + 10000 * threadIdx.y + 100 * threadIdx.x + 10 * blockIdx.y + blockIdx.z);
}

/// Sums a row of N by halving in shared memory, with a barrier per step.
template <class T> __global__ void sum_row(const T* x, T* sum, int N) {
  SHARED(T, part, [256]);
  const int t = int(threadIdx.x);
  T mine = 0;
  for (int i = t; i < N; i += 256) mine += x[int64_t(blockIdx.x) * N + i];
  part[t] = mine;
  for (int half = 128; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) part[t] += part[t + half];
  }
  if (t == 0) sum[blockIdx.x] = part[0];
}

__global__ void transpose(const float* x, float* y, int N) {
  SHARED(float, tile, [32][33]);
  const int i = int(threadIdx.x), b = 32 * int(blockIdx.x), c = 32 * int(blockIdx.y);
  for (int j = int(threadIdx.y); j < 32; j += int(blockDim.y)) tile[j][i] = x[(c + j) * N + b + i];
  __syncthreads();
  for (int j = int(threadIdx.y); j < 32; j += int(blockDim.y)) y[(b + j) * N + c + i] = tile[i][j];
}

__global__ void reverse(const double* x, double* y) {
  DYN_SHARED(double, all);
  const int t = int(threadIdx.x), n = int(blockDim.x);
  all[t] = x[t];
  __syncthreads();
  y[t] = all[n - 1 - t];
}

template <class T> __global__ void shuffles(T* out) {
  const int lane = int(threadIdx.x) % 32, n = int(blockDim.x), t = int(threadIdx.x);
  const T mine = T(lane);
  out[t] = __shfl_sync(~0u, mine, 5);
  out[n + t] = __shfl_sync(~0u, mine, 3, 8);
  out[2 * n + t] = __shfl_up_sync(~0u, mine, 2, 16);
  out[3 * n + t] = __shfl_down_sync(~0u, mine, 1);
  T sum = mine;
  for (int flip = 16; flip > 0; flip /= 2) sum += __shfl_xor_sync(~0u, sum, flip);
  out[4 * n + t] = sum;
  const unsigned half = lane < 16 ? 0x0000ffffu : 0xffff0000u;
  out[5 * n + t] = lane < 16 ? __shfl_sync(half, mine, 15) : __shfl_sync(half, mine, 16);
}

__global__ void votes(unsigned* out) {
  const int t = int(threadIdx.x);
  unsigned* mine = out + 7 * t;
  mine[0] = __ballot_sync(~0u, t % 3 == 0);
  mine[1] = unsigned(__any_sync(~0u, t == 33)), mine[2] = unsigned(__all_sync(~0u, t < 40));
  mine[3] = unsigned(__syncthreads_count(t % 2)), mine[4] = unsigned(__syncthreads_or(t == 63));
  mine[5] = unsigned(__syncthreads_and(t != 63));
  __syncwarp();
  mine[6] = unsigned(__popc(mine[0]) + __ffs(int(mine[0])) + __clz(1) + __popcll(~0ull));
}

__global__ void atomics(int* i, unsigned* u, unsigned long long* l) {
  const int t = int(threadIdx.x + blockIdx.x * blockDim.x);
  atomicAdd(&i[0], t), atomicMax(&i[1], t), atomicMin(&i[2], -t);
  atomicAdd(&u[0], 1u), atomicOr(&u[1], 1u << t % 32);
  if (atomicCAS(&u[2], 7u, 8u) == 7) atomicAdd(&u[3], 1u);
  if (atomicExch(&i[3], 1) == 0) atomicAdd(&i[4], 1);
  atomicAdd(l, 1ull << 33);
}

__global__ void throws(int at) {
  SHARED(int, used, [32]);
  used[threadIdx.x % 32] = 1;
  __syncthreads();
  if (int(threadIdx.x) == at) throw NumericError("thread says no");
  __syncthreads();
}

}  // namespace

TEST_CASE("emulation: a thread has its three-dimensional index, in every order") {
  for (uint64_t seed : kSeeds) {
    Scheduled s(seed);
    const dim3 grid(3, 2, 2), block(8, 4, 2);
    Array<int> out(3 * 2 * 2 * 64);
    start("indices", grid, block, 0, indices, out.at);
    int bad = 0;
    for (int b = 0; b < 12; ++b)
      for (int t = 0; t < 64; ++t)
        bad += out.at[b * 64 + t] != 100000 * (t / 32) + 10000 * (t / 8 % 4) + 100 * (t % 8) + 10 * (b / 3 % 2) + b / 6;
    CHECK(bad == 0);
  }
  start("none", dim3(0, 4), 32, 0, indices, nullptr);
}

TEST_CASE("emulation: barriers and shared memory, static and dynamic, in every order") {
  Array<double> x(3 * 1000), sum(3), row(128), back(128);
  std::iota(x.at, x.at + x.n, 0.0), std::iota(row.at, row.at + row.n, 0.0);
  Array<float> a(64 * 64), b(64 * 64);
  std::iota(a.at, a.at + a.n, 0.0f);
  std::string first;
  for (uint64_t seed : kSeeds) {
    Scheduled s(seed);
    start("sum_row", 3, 256, 0, sum_row<double>, x.at, sum.at, 1000);
    for (int r = 0; r < 3; ++r) CHECK(sum.at[r] == 1000.0 * (1000 * r) + 499500);
    start("reverse", 1, 128, 128 * sizeof(double), reverse, row.at, back.at);
    for (int i = 0; i < 128; ++i) CHECK(back.at[i] == 127 - i);
    start("transpose", dim3(2, 2), dim3(32, 8), 0, transpose, a.at, b.at, 64);
    int bad = 0;
    for (int i = 0; i < 64; ++i)
      for (int j = 0; j < 64; ++j) bad += b.at[i * 64 + j] != a.at[j * 64 + i];
    CHECK(bad == 0);
  }
  emulate::compare_schedules([&] {
    start("sum_row", 3, 256, 0, sum_row<double>, x.at, sum.at, 999);
    return sum.bytes();
  });
}

TEST_CASE_TEMPLATE("emulation: shuffles of every kind and type", T, int, float, double, int64_t) {
  for (uint64_t seed : kSeeds) {
    Scheduled s(seed);
    Array<T> out(6 * 64);
    start("shuffles", 1, 64, 0, shuffles<T>, out.at);
    for (int t = 0; t < 64; ++t) {
      const int lane = t % 32;
      CHECK(out.at[t] == T(5));
      CHECK(out.at[64 + t] == T(lane / 8 * 8 + 3));
      CHECK(out.at[2 * 64 + t] == T(lane % 16 < 2 ? lane : lane - 2));
      CHECK(out.at[3 * 64 + t] == T(lane == 31 ? 31 : lane + 1));
      CHECK(out.at[4 * 64 + t] == T(496));
      CHECK(out.at[5 * 64 + t] == T(lane < 16 ? 15 : 16));
    }
  }
}

TEST_CASE("emulation: votes and integer atomics") {
  for (uint64_t seed : kSeeds) {
    Scheduled s(seed);
    Array<unsigned> out(7 * 64);
    start("votes", 1, 64, 0, votes, out.at);
    for (int t = 0; t < 64; ++t) {
      const unsigned* v = out.at + 7 * t;
      CHECK(v[0] == (t < 32 ? 0x49249249u : 0x92492492u));
      CHECK(v[1] == unsigned(t >= 32));
      CHECK(v[2] == unsigned(t < 32));
      CHECK((v[3] == 32 && v[4] == 1 && v[5] == 0));
      CHECK(v[6] == (t < 32 ? 11u + 1 : 11u + 2) + 31 + 64);
    }
    Array<int> i(5);
    Array<unsigned> u(4);
    Array<unsigned long long> l(1);
    i.set(0), u.set(0), l.set(0), u.at[2] = 7;
    start("atomics", 4, 64, 0, atomics, i.at, u.at, l.at);
    CHECK((i.at[0] == 255 * 128 && i.at[1] == 255 && i.at[2] == -255 && i.at[4] == 1));
    CHECK((u.at[0] == 256 && u.at[1] == ~0u && u.at[2] == 8 && u.at[3] == 1));
    CHECK(l.at[0] == 256ull << 33);
  }
}

TEST_CASE("emulation: an exception of a thread leaves run, and the next launch works") {
  for (int at : {0, 40, 63}) {
    CHECK_THROWS_WITH_AS(start("throws", 2, 64, 0, throws, at), "thread says no", NumericError);
    Array<unsigned> out(7 * 64);
    start("votes", 1, 64, 0, votes, out.at);
    CHECK(out.at[3] == 32);
  }
  CHECK_THROWS_WITH_AS(start("odd", 1, 33, 0, throws, -1),
                       "kernel 'odd': a block has a multiple of 32 threads, at most 1024, got (33, 1, 1)", DeviceError);
  CHECK_THROWS_AS(start("large", 1, 32, 300000, throws, -1), DeviceError);
}

TEST_CASE("emulation: device memory starts as NaN and is counted") {
  const emulate::MemoryStats before = emulate::memory_stats();
  {
    Array<float> x(101), none(0);
    for (int i = 0; i < 101; ++i) CHECK(x.at[i] != x.at[i]);
    CHECK(reinterpret_cast<uintptr_t>(x.at) % 16 == 0);
    CHECK(none.at != nullptr);
    CHECK(emulate::memory_stats().live_bytes == before.live_bytes + 404);
    CHECK(emulate::memory_stats().live_count == before.live_count + 2);
  }
  CHECK(emulate::memory_stats().live_bytes == before.live_bytes);
  for (int i = 0; i < 10000; ++i) emulate::release(emulate::allocate(i));
  CHECK(emulate::memory_stats().live_count == before.live_count);
}

// ---- canaries: one bug each ---------------------------------------------------------------------------
namespace {

__global__ void no_barrier(const int* x, int* y) {
  SHARED(int, all, [128]);
  const int t = int(threadIdx.x);
  all[t] = x[t];  // __syncthreads() is missing here
  y[t] = all[(t + 37) % 128];
}

__global__ void half_barrier(int* y) {
  if (threadIdx.x < 64) __syncthreads();
  y[threadIdx.x] = 1;
}

__global__ void two_barriers(int* y) {
  if (threadIdx.x % 2) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  y[threadIdx.x] = 1;
}

__global__ void one_past_the_end(float* y, int N) {
  const int i = int(threadIdx.x + blockIdx.x * blockDim.x);
  if (i <= N) y[i == N ? 0 : i] = y[i] + 1;  // should be i < N
}

__global__ void one_before_the_start(float* y, int N) {
  const int i = int(threadIdx.x + blockIdx.x * blockDim.x) - 1;  // should not subtract 1
  if (i < N) y[i] = 1;
}

__global__ void shared_overrun(float* y) {
  SHARED(float, all, [64]);
  const int t = int(threadIdx.x);
  float* at = all;
  at[t + 1] = 1;  // should be at[t]
  __syncthreads();
  y[t] = all[t];
}

__global__ void shared_overrun_dynamic(float* y) {
  DYN_SHARED(float, all);
  all[threadIdx.x + 1] = 1;
  __syncthreads();
  y[threadIdx.x] = all[threadIdx.x];
}

__global__ void wrong_mask(int* y) {
  y[threadIdx.x] = __shfl_sync(0x0000ffffu, int(threadIdx.x), 0);  // lanes 16 to 31 call it too
}
__global__ void wrong_masks(int* y) {
  y[threadIdx.x] = __shfl_sync(threadIdx.x < 16 ? 0x0001ffffu : 0xffff0000u, int(threadIdx.x), 16);
}
__global__ void wrong_source(int* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(0x0000ffffu, int(threadIdx.x), 20);
}
__global__ void wrong_call(int* y) {
  y[threadIdx.x] = threadIdx.x < 16 ? __shfl_sync(~0u, 1, 0) : __shfl_xor_sync(~0u, 1, 1);
}
__global__ void lane_gone(int* y) {
  if (threadIdx.x != 3) y[threadIdx.x] = __shfl_sync(~0u, 1, 0);
}

__global__ void sum_in_order_of_arrival(float* sum) { *sum += 1.0f / float(1 + threadIdx.x + blockIdx.x * blockDim.x); }

__global__ void shared_unwritten(float* y) {
  SHARED(float, all, [64]);
  if (threadIdx.x) all[threadIdx.x] = 1;  // all[0] is missing
  __syncthreads();
  y[threadIdx.x] = all[63 - threadIdx.x];
}

__global__ void shared_too_large() {
  SHARED(double, all, [80][80]);
  all[0][0] = 1;
}

}  // namespace

TEST_CASE("canary 1: a missing barrier gives different values in another order") {
  Array<int> x(128), y(128);
  std::iota(x.at, x.at + 128, 0);
  auto run = [&] { return start("no_barrier", 1, 128, 0, no_barrier, x.at, y.at), y.bytes(); };
  check_says(message_of([&] { emulate::compare_schedules(run); }), {"kernel 'no_barrier'", "schedule"});
}

TEST_CASE("canary 2: a barrier that not all threads reach") {
  Array<int> y(128);
  for (uint64_t seed : kSeeds) {
    Scheduled s(seed);
    check_says(message_of([&] { start("half_barrier", 1, 128, 0, half_barrier, y.at); }),
               {"kernel 'half_barrier'", "64 threads, first (0, 0, 0), wait at __syncthreads emulate_test.cpp:",
                "64 finished", "block (0, 0, 0)"});
    check_says(message_of([&] { start("two_barriers", 1, 128, 0, two_barriers, y.at); }),
               {"kernel 'two_barriers'", "64 threads, first (0, 0, 0)", "64 threads, first (1, 0, 0)", "0 finished"});
  }
  start("votes", 1, 32, 0, votes, Array<unsigned>(7 * 32).at);
}

TEST_CASE("canary 3: a read one past the end of device memory") {
  for (int n : {100, 1024}) {
    const std::string said = last_words([&] { start("one_past", 33, 32, 0, one_past_the_end, Array<float>(n).at, n); });
    const std::string bytes = text("byte ", 4 * n, " of ", 4 * n, " bytes of device memory");
    check_says(said,
               {"kernel 'one_past'",
                n == 100 ? "block (3, 0, 0), thread (4, 0, 0)" : "block (32, 0, 0), thread (0, 0, 0)", bytes.c_str()});
  }
}

TEST_CASE("canary 4: a write one before the start of device memory") {
  for (int n : {100, 1024}) {
    if (n == 100 && !kAsan) continue;  // the guard page is too far away
    const std::string said =
        last_words([&] { start("one_before", 32, 32, 0, one_before_the_start, Array<float>(n).at, n); });
    check_says(said, {"kernel 'one_before'", "block (0, 0, 0), thread (0, 0, 0)", "byte -4 of"});
  }
  check_says(last_words([] {
               Array<float> y(64);
               emulate::release(y.at);
               start("freed", 1, 32, 0, one_before_the_start, y.at, 64);
             }),
             {"kernel 'freed'", "freed device memory"});
}

TEST_CASE("canary 5: an overrun of shared memory") {
  Array<float> y(64);
  auto fixed = [&] { start("overrun", 1, 64, 0, shared_overrun, y.at); };
  auto dynamic = [&] { start("overrun_dynamic", 1, 64, 64 * sizeof(float), shared_overrun_dynamic, y.at); };
  if (kAsan) {
    check_says(last_words(fixed), {"kernel 'overrun'", "block (0, 0, 0), thread (63, 0, 0)", "emulate_test.cpp"});
    check_says(last_words(dynamic), {"kernel 'overrun_dynamic'", "block (0, 0, 0), thread (63, 0, 0)"});
  } else {
    check_says(message_of(fixed), {"kernel 'overrun'", "block (0, 0, 0)", "byte 256 of 256 bytes of all"});
    check_says(message_of(dynamic), {"kernel 'overrun_dynamic'", "byte 256 of 256 bytes of DYN_SHARED"});
  }
  check_says(message_of([] { start("too_large", 1, 32, 0, shared_too_large); }),
             {"kernel 'too_large'", "at most 49152 bytes", "got 51200 with all"});
}

TEST_CASE("canary 6: a wrong shuffle mask") {
  Array<int> y(32);
  for (uint64_t seed : kSeeds) {
    Scheduled s(seed);
    check_says(message_of([&] { start("wrong_mask", 1, 32, 0, wrong_mask, y.at); }),
               {"kernel 'wrong_mask'", "must hold its caller",
                "mask 0x0000ffff at __shfl_sync emulate_test.cpp:", "block (0, 0, 0), thread ("});
    check_says(message_of([&] { start("wrong_masks", 1, 32, 0, wrong_masks, y.at); }),
               {"kernel 'wrong_masks'", "0x0001ffff", "0xffff0000"});
    check_says(message_of([&] { start("wrong_source", 1, 32, 0, wrong_source, y.at); }),
               {"kernel 'wrong_source'", "got lane 20, mask 0x0000ffff"});
    check_says(message_of([&] { start("wrong_call", 1, 32, 0, wrong_call, y.at); }),
               {"kernel 'wrong_call'", "__shfl_sync", "__shfl_xor_sync"});
    check_says(message_of([&] { start("lane_gone", 1, 32, 0, lane_gone, y.at); }), {"kernel 'lane_gone'", "finished"});
  }
}

TEST_CASE("canary 7: a sum in the order of arrival") {
  Array<float> sum(1);
  auto run = [&] { return sum.set(0), start("arrival", 40, 32, 0, sum_in_order_of_arrival, sum.at), sum.bytes(); };
  check_says(message_of([&] { emulate::compare_schedules(run); }), {"kernel 'arrival'", "order"});
}

TEST_CASE("canary 8: shared memory read before it is written") {
  Array<float> y(64);
  auto run = [&] { return start("unwritten", 1, 64, 0, shared_unwritten, y.at), y.bytes(); };
  run();
  CHECK(y.at[63] != y.at[63]);
  check_says(message_of([&] { emulate::compare_schedules(run); }), {"kernel 'unwritten'", "fresh memory"});
}
