// Processes whose GPUs exchange memory by NCCL.  What is on the host goes through the processes that it stands on (MPI).
//
// Messages run on a stream of their own, so they overlap with the backward pass on the compute stream.  A group of them
// begins when the compute stream has made what they send, and finish() waits for the last.  Only six calls of NCCL are
// used: ncclGetUniqueId, ncclCommInitRank, ncclGroupStart, ncclSend, ncclRecv, ncclGroupEnd.
#include <nccl.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "cuda/runtime.h"
#include "tensor/processes.h"

namespace camo {
namespace {

void require(ncclResult_t result, const char* what) {
  check<DeviceError>(result == ncclSuccess, "nccl: error ", int(result), ": ", what);
}

class NcclProcesses : public Processes {
 public:
  /// Every process of `host` constructs one at the same time.
  NcclProcesses(Processes& host, int device) : host_(host), device_(device), messages_(cuda::second_stream(device)) {
    rank_ = host.rank(), count_ = host.count(), hosts_ = host.hosts();
    barrier(host);  // a process that fails before it is here is heard; one within NCCL's call is not
    ncclUniqueId id;
    if (rank_ == 0) require(ncclGetUniqueId(&id), "no identity for the group");
    const std::string words = broadcast(host, std::string(reinterpret_cast<const char*>(&id), sizeof id));
    std::memcpy(static_cast<void*>(&id), words.data(), sizeof id);
    require(ncclCommInitRank(&group_, count_, id, rank_),
            "the GPUs find no way to each other [as many GPUs as processes on each host]");
  }

  bool reaches(Device device) const override { return device.kind == Device::cuda && device.index == device_; }

  void exchange(const std::vector<Message>& out, const std::vector<Message>& in) override {
    cuda::follow(messages_, cuda::stream(device_));
    require(ncclGroupStart(), "no group of messages");
    for (const Message& m : in)
      require(ncclRecv(m.data, size_t(m.bytes), ncclUint8, m.other, group_, stream()), "a message cannot be received");
    for (const Message& m : out) {
      require(ncclSend(m.data, size_t(m.bytes), ncclUint8, m.other, group_, stream()), "a message cannot be sent");
      bytes_sent += m.bytes;
    }
    require(ncclGroupEnd(), "the messages cannot start");
  }

  void send(int to, const void* data, int64_t bytes) override { host_.send(to, data, bytes); }
  void receive(int from, void* data, int64_t bytes) override { host_.receive(from, data, bytes); }
  void poll() override { host_.poll(); }
  void tell_at_work() override { host_.tell_at_work(); }
  void finish() override {
    host_.finish();
    const auto begin = std::chrono::steady_clock::now();
    while (!cuda::idle(messages_)) {
      host_.poll();  // so that a failure of another process is heard of
      const double waited = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      check<ProcessError>(waited < host_.deadline, "the GPUs' messages have not come for ", int(waited), " seconds, ",
                          host_.doing, host_.remedy);
      std::this_thread::yield();
    }
  }
  void fail(const std::string& why, int exit_code) noexcept override { host_.fail(why, exit_code); }

 private:
  cudaStream_t stream() const { return static_cast<cudaStream_t>(messages_); }
  Processes& host_;
  int device_;
  void* messages_;  // the stream
  ncclComm_t group_ = nullptr;
};

}  // namespace

std::unique_ptr<Processes> nccl_processes(Processes& host, int device) {
  return std::make_unique<NcclProcesses>(host, device);
}

}  // namespace camo
