// A stand-in for the six calls of NCCL that Camo uses, over MPI, for the emulated GPU, whose memory is host memory.
#pragma once

#include <cstddef>

enum ncclResult_t { ncclSuccess = 0, ncclInvalidUsage = 5 };
enum ncclDataType_t { ncclUint8 = 1 };
struct ncclUniqueId {
  char internal[128];
};
struct ncclComm;
using ncclComm_t = ncclComm*;
using cudaStream_t = void*;

ncclResult_t ncclGetUniqueId(ncclUniqueId* id);
ncclResult_t ncclCommInitRank(ncclComm_t* group, int count, ncclUniqueId id, int rank);
ncclResult_t ncclGroupStart();
ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t type, int to, ncclComm_t group,
                      cudaStream_t stream);
ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t type, int from, ncclComm_t group, cudaStream_t stream);
ncclResult_t ncclGroupEnd();
