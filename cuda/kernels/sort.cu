// A merge sort for any number of i64 keys, without atomics, so that no order of arrival matters.
//
// A block sorts a run of 256: an element's position is the number of elements that come before it.  Then runs are
// merged in pairs: an element's position is its own index plus, found by bisection, its position in the other run.
// Only the order is moved, so there are n log2(n) (log2(n) / 2) key reads in all, mostly from the cache.
#include "cuda/kernels/sort.cuh"
#include "cuda/tools/launch.cuh"

namespace camo::cuda {
namespace {

constexpr int kRun = 256;

/// One block per run.
__global__ void sort_runs(const int64_t* key, int64_t n, int64_t* order) {
  SHARED(int64_t, mine, [kRun]);
  for (int64_t begin = int64_t(blockIdx.x) * kRun; begin < n; begin += int64_t(gridDim.x) * kRun) {
    const int thread = int(threadIdx.x), count = int(n - begin < kRun ? n - begin : kRun);
    if (thread < count) mine[thread] = key[begin + thread];
    __syncthreads();
    int place = 0;
    for (int i = 0; i < count && thread < count; ++i)
      place += mine[i] < mine[thread] || (mine[i] == mine[thread] && i < thread);
    if (thread < count) order[begin + place] = begin + thread;
    __syncthreads();  // before the next run is loaded
  }
}

/// How many keys of the sorted order[0 .. n) are below `than` (or equal to it, if or_equal).
__device__ int64_t count_below(const int64_t* key, const int64_t* order, int64_t n, int64_t than, bool or_equal) {
  int64_t low = 0, high = n;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2, k = key[order[middle]];
    if (k < than || (or_equal && k == than)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/// Merges runs of `width` to runs of twice that.
__global__ void merge_runs(const int64_t* key, int64_t n, int64_t width, const int64_t* order, int64_t* merged) {
  for (int64_t i = first_item(); i < n; i += item_stride()) {
    const int64_t run = i / width, begin = run * width, pair = begin - run % 2 * width;
    const int64_t other = run % 2 ? pair : begin + width, left = n - other;
    const int64_t count = left < 0 ? 0 : left < width ? left : width;
    const int64_t before = count_below(key, order + (count ? other : 0), count, key[order[i]], run % 2 == 1);
    merged[pair + (i - begin) + before] = order[i];
  }
}

__global__ void begin_lists(const int64_t* key, const int64_t* order, int64_t n, int64_t rows, int64_t* begin) {
  for (int64_t r = first_item(); r <= rows; r += item_stride()) begin[r] = count_below(key, order, n, r, false);
}

}  // namespace

void sort(Cuda where, const int64_t* key, int64_t n, int64_t* order) {
  int merges = 0;
  for (int64_t width = kRun; width < n; width *= 2) ++merges;
  const Scratch<int64_t> other(where, merges ? n : 0);
  int64_t *from = order, *to = other;
  if (merges % 2) std::swap(from, to);
  launch(where, "sort_runs", blocks(n, kRun), kRun, 0, sort_runs, key, n, from);
  for (int64_t width = kRun; width < n; width *= 2, std::swap(from, to))
    launch(where, "merge_runs", blocks(n), kThreads, 0, merge_runs, key, n, width, from, to);
}

Inverse::Inverse(Cuda where, const Tensor& index, int64_t rows) : order(where, index.numel()), begin(where, rows + 1) {
  const int64_t* key = index.read<int64_t>();
  sort(where, key, index.numel(), order);
  launch(where, "begin_lists", blocks(rows + 1), kThreads, 0, begin_lists, key, order, index.numel(), rows, begin);
}

}  // namespace camo::cuda
