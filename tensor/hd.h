// CAMO_HD: a function for host and device alike; empty where there is no CUDA compiler.
#pragma once

#ifdef __CUDACC__
#define CAMO_HD __host__ __device__
#else
#define CAMO_HD
#endif
