// A stand-in for the part of cuBLASLt that cuda/gpu/blas.cpp uses.  It multiplies nothing: it says which algorithms there are,
// refuses some of them, and notes which one ran and with which epilogue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

enum cublasStatus_t { CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_INVALID_VALUE = 7, CUBLAS_STATUS_NOT_SUPPORTED = 15 };
enum cudaDataType_t { CUDA_R_32F, CUDA_R_64F, CUDA_R_16BF };
enum cublasComputeType_t { CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32, CUBLAS_COMPUTE_64F };
enum cublasOperation_t { CUBLAS_OP_N, CUBLAS_OP_T };
enum cublasLtEpilogue_t {
  CUBLASLT_EPILOGUE_DEFAULT = 1,
  CUBLASLT_EPILOGUE_RELU = 2,
  CUBLASLT_EPILOGUE_BIAS = 4,
  CUBLASLT_EPILOGUE_RELU_BIAS = 6
};
enum cublasLtMatmulDescAttributes_t {
  CUBLASLT_MATMUL_DESC_TRANSA,
  CUBLASLT_MATMUL_DESC_TRANSB,
  CUBLASLT_MATMUL_DESC_EPILOGUE,
  CUBLASLT_MATMUL_DESC_BIAS_POINTER
};
enum cublasLtMatrixLayoutAttribute_t {
  CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
  CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET
};
enum cublasLtMatmulPreferenceAttributes_t {
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
  CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES
};
enum cublasLtReductionScheme_t { CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2 };

using cublasLtHandle_t = void*;
struct cublasLtMatmulAlgo_t {
  int number = -1;
};
struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
};
struct cublasLtMatmulDescOpaque_t {
  cublasLtEpilogue_t epilogue;
};
struct cublasLtMatrixLayoutOpaque_t {};
struct cublasLtMatmulPreferenceOpaque_t {};

/// What the stand-in does, and what it has seen.
struct StandIn {
  int plain = 3, finishing = 3;  // algorithms without and with an epilogue; these have numbers from 100 on
  std::set<int> refused = {};    // by their numbers
  cublasStatus_t refusal = CUBLAS_STATUS_NOT_SUPPORTED;
  std::vector<int> tried = {};  // numbers, in order
};
inline StandIn stand_in;

inline const char* cublasLtGetStatusName(cublasStatus_t s) {
  return s == CUBLAS_STATUS_NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED" : "CUBLAS_STATUS_INVALID_VALUE";
}
inline const char* cublasLtGetStatusString(cublasStatus_t) { return "refused"; }
inline cublasStatus_t cublasLtCreate(cublasLtHandle_t* h) { return *h = h, CUBLAS_STATUS_SUCCESS; }
inline cublasStatus_t cublasLtMatmulDescInit(cublasLtMatmulDescOpaque_t* d, cublasComputeType_t, cudaDataType_t) {
  d->epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDescOpaque_t* d, cublasLtMatmulDescAttributes_t a,
                                                     const void* value, size_t) {
  if (a == CUBLASLT_MATMUL_DESC_EPILOGUE) d->epilogue = *static_cast<const cublasLtEpilogue_t*>(value);
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatrixLayoutInit(cublasLtMatrixLayoutOpaque_t*, cudaDataType_t, uint64_t, uint64_t,
                                               int64_t) {
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayoutOpaque_t*, cublasLtMatrixLayoutAttribute_t,
                                                       const void*, size_t) {
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulPreferenceInit(cublasLtMatmulPreferenceOpaque_t*) { return CUBLAS_STATUS_SUCCESS; }
inline cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreferenceOpaque_t*,
                                                           cublasLtMatmulPreferenceAttributes_t, const void*, size_t) {
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDescOpaque_t* d,
                                                     cublasLtMatrixLayoutOpaque_t*, cublasLtMatrixLayoutOpaque_t*,
                                                     cublasLtMatrixLayoutOpaque_t*, cublasLtMatrixLayoutOpaque_t*,
                                                     cublasLtMatmulPreferenceOpaque_t*, int most,
                                                     cublasLtMatmulHeuristicResult_t* found, int* count) {
  const bool plain = d->epilogue == CUBLASLT_EPILOGUE_DEFAULT;
  *count = 0;
  for (int i = 0; i < (plain ? stand_in.plain : stand_in.finishing) && i < most; ++i)
    found[(*count)++].algo.number = i + (plain ? 0 : 100);
  return *count ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}
inline cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDescOpaque_t*, const void*, const void*,
                                     cublasLtMatrixLayoutOpaque_t*, const void*, cublasLtMatrixLayoutOpaque_t*,
                                     const void*, const void*, cublasLtMatrixLayoutOpaque_t*, void*,
                                     cublasLtMatrixLayoutOpaque_t*, const cublasLtMatmulAlgo_t* algorithm, void*,
                                     size_t, void*) {
  stand_in.tried.push_back(algorithm->number);
  return stand_in.refused.count(algorithm->number) ? stand_in.refusal : CUBLAS_STATUS_SUCCESS;
}
