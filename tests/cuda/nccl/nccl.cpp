// The messages of a group run when it ends, all at once and to their end, as the emulated GPU's kernels do.  Like NCCL it
// refuses a message outside a group, and a second group before the first has ended.
#include "tests/cuda/nccl/nccl.h"

#include <mpi.h>

#include <cstring>
#include <vector>

struct ncclComm {
  MPI_Comm world;
};

namespace {

struct Step {
  bool sends;
  void* data;
  int count, other;
  MPI_Comm world;
};
bool g_open = false;
std::vector<Step> g_steps;

ncclResult_t add(bool sends, void* data, size_t count, int other, ncclComm_t group) {
  if (!g_open || !group) return ncclInvalidUsage;
  g_steps.push_back({sends, data, int(count), other, group->world});
  return ncclSuccess;
}

}  // namespace

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::strcpy(id->internal, "stand-in");
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t* group, int count, ncclUniqueId id, int rank) {
  ncclComm made{};
  MPI_Comm_dup(MPI_COMM_WORLD, &made.world);
  int ranks = 0, me = 0;
  MPI_Comm_size(made.world, &ranks), MPI_Comm_rank(made.world, &me);
  if (ranks != count || me != rank || std::strcmp(id.internal, "stand-in") != 0) return ncclInvalidUsage;
  *group = new ncclComm(made);
  return ncclSuccess;
}

ncclResult_t ncclGroupStart() {
  if (g_open) return ncclInvalidUsage;
  g_open = true;
  return ncclSuccess;
}

ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t, int to, ncclComm_t group, cudaStream_t) {
  return add(true, const_cast<void*>(data), count, to, group);
}
ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t, int from, ncclComm_t group, cudaStream_t) {
  return add(false, data, count, from, group);
}

ncclResult_t ncclGroupEnd() {
  if (!g_open) return ncclInvalidUsage;
  std::vector<MPI_Request> requests(g_steps.size());
  for (size_t i = 0; i < g_steps.size(); ++i) {
    const Step& s = g_steps[i];
    if (s.sends) MPI_Isend(s.data, s.count, MPI_BYTE, s.other, 0, s.world, &requests[i]);
    else MPI_Irecv(s.data, s.count, MPI_BYTE, s.other, 0, s.world, &requests[i]);
  }
  MPI_Waitall(int(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
  g_steps.clear(), g_open = false;
  return ncclSuccess;
}
