// CAMO_HD marks a function that runs on host and device; it is empty without a CUDA compiler.
#pragma once

#ifdef __CUDACC__
#define CAMO_HD __host__ __device__
#else
#define CAMO_HD
#endif
