// Matrix products by cuBLASLt.
//
// The library is column-major: it sees our row-major y (M, N) as y^T (N, M).  So we ask it for
//   y^T = op(b)^T op(a)^T
// with the operands swapped.  No number moves, and its bias along rows is our bias along N.
// The heuristic names up to eight algorithms for a shape.  The first one that runs is kept: the library may refuse an
// algorithm of its own choice.  If none runs with bias and activation, they are left to the caller.  If an algorithm
// splits a long sum, the parts are added in a separate step, in f32 and in order, so the same shape gives the same bits
// each time.  It may differ for another M: unlike on the CPU, the last bits of a row may depend on the number of rows.
// Source: cuBLAS Library User Guide, chapter "Using the cuBLASLt API".
#include "cuda/blas.h"

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "cuda/runtime.h"

namespace camo::cuda {
namespace {

constexpr int64_t kWorkspace = int64_t(32) << 20;  // bytes, as the guide recommends for the newest GPUs
constexpr int64_t kMostProducts = 65535;           // products per call: a launch has no more blocks along an axis
constexpr int kAlgorithms = 8;                     // asked for per shape

void require(cublasStatus_t status, const Gemm& g, const char* step) {
  check<DeviceError>(status == CUBLAS_STATUS_SUCCESS, "gemm: ", step, " for ", g.batch, " products (", g.M, ", ", g.K,
                     ")", g.ta == Trans::yes ? "^T" : "", " x (", g.K, ", ", g.N, ")", g.tb == Trans::yes ? "^T" : "",
                     ", ", g.in, " to ", g.out, ", got ", cublasLtGetStatusName(status), ": ",
                     cublasLtGetStatusString(status));
}

cudaDataType_t library_type(DType t) {
  return t == DType::f64 ? CUDA_R_64F : t == DType::f32 ? CUDA_R_32F : CUDA_R_16BF;
}

/// The largest power of two, at most 16, that divides the address of every operand of the batch.  Without this the
/// heuristic assumes 256.
uint32_t alignment(const void* p, int64_t step = 0, DType type = DType::u8) {
  const uintptr_t any = reinterpret_cast<uintptr_t>(p) | uintptr_t(step * size_of(type)) | 16;
  return uint32_t(any & -any);
}
uint32_t alignment_a(const Gemm& g) { return alignment(g.a, g.step_a, g.in); }
uint32_t alignment_b(const Gemm& g) { return alignment(g.b, g.step_b, g.in); }
uint32_t alignment_y(const Gemm& g) { return alignment(g.y, g.batch > 1 ? g.step_y : 0, g.out); }

struct Plan {
  cublasLtMatmulDescOpaque_t product;
  cublasLtMatrixLayoutOpaque_t left, right, result;  // b, a and y in the library's view
  std::vector<cublasLtMatmulAlgo_t> algorithms;      // the best first; those before `chosen` were refused
  size_t chosen = 0;
  bool finishes;  // whether the product also applies bias and act
};

/// Everything that the choice of an algorithm depends on.
using Key = std::array<int64_t, 17>;

Key key_of(const Gemm& g) {
  return {g.batch,
          g.M,
          g.N,
          g.K,
          int64_t(g.ta),
          int64_t(g.tb),
          int64_t(g.in),
          int64_t(g.out),
          g.step_a,
          g.step_b,
          g.step_y,
          alignment_a(g),
          alignment_b(g),
          alignment_y(g),
          g.bias ? alignment(g.bias) : 0,
          int64_t(g.act),
          tf32()};
}

struct Library {
  std::mutex mutex;
  cublasLtHandle_t handle = nullptr;
  void* workspace = nullptr;  // shared by all products, because a device has one stream
  std::map<Key, Plan> plans;
};

Library& library(int device) {
  static auto* all = new std::array<Library, 16>;
  return (*all)[size_t(device)];
}

/// The column-major layout of an operand: row-major (rows, columns) becomes (columns, rows).
cublasLtMatrixLayoutOpaque_t layout(const Gemm& g, DType type, int64_t rows, int64_t columns, int64_t step) {
  cublasLtMatrixLayoutOpaque_t out;
  const int32_t batch = int32_t(g.batch);
  require(cublasLtMatrixLayoutInit(&out, library_type(type), uint64_t(columns), uint64_t(rows), columns), g, "layout");
  require(cublasLtMatrixLayoutSetAttribute(&out, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch), g, "batch");
  require(cublasLtMatrixLayoutSetAttribute(&out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step, sizeof step), g,
          "step");
  return out;
}

template <class T> void set(const Gemm& g, Plan& plan, cublasLtMatmulDescAttributes_t which, T value) {
  require(cublasLtMatmulDescSetAttribute(&plan.product, which, &value, sizeof value), g, "attribute");
}

/// The library's name for bias and act.
cublasLtEpilogue_t epilogue(const Gemm& g) {
  if (g.act == Act::relu) return g.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
  return g.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

Plan describe(const Gemm& g, bool finishes) {
  const auto compute = g.in == DType::f64             ? CUBLAS_COMPUTE_64F
                       : g.in == DType::f32 && tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                      : CUBLAS_COMPUTE_32F;
  const auto operation = [](Trans t) { return t == Trans::yes ? CUBLAS_OP_T : CUBLAS_OP_N; };
  Plan plan{};
  require(cublasLtMatmulDescInit(&plan.product, compute, g.in == DType::f64 ? CUDA_R_64F : CUDA_R_32F), g,
          "description");
  set(g, plan, CUBLASLT_MATMUL_DESC_TRANSA, operation(g.tb));
  set(g, plan, CUBLASLT_MATMUL_DESC_TRANSB, operation(g.ta));
  if (finishes) {
    set(g, plan, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue(g));
    if (g.bias) set(g, plan, CUBLASLT_MATMUL_DESC_BIAS_POINTER, g.bias);
  }
  const bool b_turned = g.tb == Trans::yes, a_turned = g.ta == Trans::yes;
  plan.left = layout(g, g.in, b_turned ? g.N : g.K, b_turned ? g.K : g.N, g.step_b);
  plan.right = layout(g, g.in, a_turned ? g.K : g.M, a_turned ? g.M : g.K, g.step_a);
  plan.result = layout(g, g.out, g.M, g.N, g.step_y);
  plan.finishes = finishes;
  return plan;
}

/// A plan with the heuristic's algorithms, or nothing if it returns none.
std::optional<Plan> search(const Gemm& g, Library& lib, bool finishes) {
  Plan plan = describe(g, finishes);
  cublasLtMatmulPreferenceOpaque_t wish;
  const auto want = [&](cublasLtMatmulPreferenceAttributes_t which, auto value) {
    require(cublasLtMatmulPreferenceSetAttribute(&wish, which, &value, sizeof value), g, "preference");
  };
  require(cublasLtMatmulPreferenceInit(&wish), g, "preference");
  want(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t(kWorkspace));
  want(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  want(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_b(g));
  want(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_a(g));
  want(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_y(g));
  want(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_y(g));
  cublasLtMatmulHeuristicResult_t found[kAlgorithms]{};
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(lib.handle, &plan.product, &plan.left, &plan.right, &plan.result, &plan.result,
                                     &wish, kAlgorithms, found, &count);
  if (status != CUBLAS_STATUS_SUCCESS || count == 0) {
    if (!finishes) require(status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status, g, "algorithm");
    return {};
  }
  for (int i = 0; i < count; ++i) plan.algorithms.push_back(found[i].algo);
  return plan;
}

Plan& plan_for(const Gemm& g, Library& lib) {
  const Key key = key_of(g);
  if (auto it = lib.plans.find(key); it != lib.plans.end()) return it->second;
  std::optional<Plan> plan;
  // Epilogues load the bias in words of 16 bytes, and the heuristic cannot be told its alignment.
  const bool loads = !g.bias || alignment(g.bias) == 16;
  if (epilogue(g) != CUBLASLT_EPILOGUE_DEFAULT && loads) plan = search(g, lib, true);
  if (!plan) plan = search(g, lib, false);
  return lib.plans.emplace(key, *plan).first->second;
}

cublasStatus_t run(Cuda where, const Gemm& g, Library& lib, Plan& plan) {
  if (plan.finishes && g.bias) set(g, plan, CUBLASLT_MATMUL_DESC_BIAS_POINTER, g.bias);
  const double one = 1, zero = 0;
  const float one_f = 1, zero_f = 0;
  const bool wide = g.in == DType::f64;
  return cublasLtMatmul(lib.handle, &plan.product, wide ? static_cast<const void*>(&one) : &one_f, g.b, &plan.left, g.a,
                        &plan.right, wide ? static_cast<const void*>(&zero) : &zero_f, g.y, &plan.result, g.y,
                        &plan.result, &plan.algorithms.at(plan.chosen), lib.workspace, size_t(kWorkspace),
                        static_cast<cudaStream_t>(where.stream));
}

/// Runs at most kMostProducts products, none of them empty.
bool multiply(Cuda where, const Gemm& g) {
  Library& lib = library(where.index);
  std::lock_guard lock(lib.mutex);
  if (!lib.handle) require(cublasLtCreate(&lib.handle), g, "start of the library");
  if (!lib.workspace) {
    lib.workspace = take(kWorkspace);
    check<MemoryError>(lib.workspace, "gemm: device cuda:", where.index, " has no ", kWorkspace, " bytes of workspace");
  }
  Plan& plan = plan_for(g, lib);
  for (cublasStatus_t status = run(where, g, lib, plan); status != CUBLAS_STATUS_SUCCESS;
       status = run(where, g, lib, plan)) {
    if (status != CUBLAS_STATUS_NOT_SUPPORTED) require(status, g, "product");
    if (++plan.chosen < plan.algorithms.size()) continue;
    if (!plan.finishes) require(status, g, "product, by every algorithm of the heuristic,");
    plan = *search(g, lib, false);
  }
  return plan.finishes || epilogue(g) == CUBLASLT_EPILOGUE_DEFAULT;
}

}  // namespace

bool gemm(Cuda where, const Gemm& g) {
  if (g.batch * g.M * g.N == 0) return true;
  if (g.K == 0) {
    const int64_t numel = (g.batch - 1) * g.step_y + g.M * g.N;
    const cudaError_t status =
        cudaMemsetAsync(g.y, 0, size_t(numel * size_of(g.out)), static_cast<cudaStream_t>(where.stream));
    check<DeviceError>(status == cudaSuccess, "gemm: zeros (", g.M, ", ", g.N, "), got ", cudaGetErrorString(status));
    return !g.bias && g.act == Act::none;
  }
  if (g.batch <= kMostProducts) return multiply(where, g);
  for (int64_t first = 0; first < g.batch; first += kMostProducts) {
    const auto from = [&](const void* p, int64_t step, DType t) {
      return static_cast<const char*>(p) + first * step * size_of(t);
    };
    Gemm part = g;
    part.bias = nullptr, part.act = Act::none;  // the parts could differ in what the library can do
    part.batch = std::min(kMostProducts, g.batch - first);
    part.a = from(g.a, g.step_a, g.in), part.b = from(g.b, g.step_b, g.in);
    part.y = const_cast<char*>(from(g.y, g.step_y, g.out));
    multiply(where, part);
  }
  return epilogue(g) == CUBLASLT_EPILOGUE_DEFAULT;
}

}  // namespace camo::cuda
