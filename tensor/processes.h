// The processes that work on one task together, as `mpirun -n N PROGRAM` or `srun` start them.
//
//   Processes& all = processes();                      // one process unless a launcher started more
//   std::vector<std::string> words = gather(all, mine);  // what each process says, at every process
//
// Messages between two processes arrive in the order in which they were sent.  Every process makes the same calls in the
// same order.  Only the main thread calls.  A process that waits longer than the deadline names the one that it waits for.
// The bodies: one process (here), MPI (processes_mpi.cpp, -DCAMO_MPI), NCCL for memory of a GPU (cuda/, -DCAMO_NCCL).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "tensor/error.h"

namespace camo {

/// Another process has failed, or has not answered within the deadline.
struct ProcessError : ErrorOf<6> {
  using ErrorOf::ErrorOf;
};

/// Bytes that go to, or come from, another process.
struct Message {
  int other;
  void* data;
  int64_t bytes;
};

class Processes {
 public:
  virtual ~Processes() = default;
  Processes() = default;
  Processes(const Processes&) = delete;

  int rank() const { return rank_; }
  int count() const { return count_; }
  bool first() const { return rank_ == 0; }
  /// "process 2 of 4 on node7".
  std::string name(int rank) const { return text("process ", rank, " of ", count_, " on ", hosts_[size_t(rank)]); }
  const std::vector<std::string>& hosts() const { return hosts_; }
  /// The number of this process among those of its host, and how many they are.
  int rank_on_host() const;
  int count_on_host() const;

  /// Starts to send these bytes, or to receive them.  The memory must stay as it is until finish().
  virtual void send(int to, const void* data, int64_t bytes) = 0;
  virtual void receive(int from, void* data, int64_t bytes) = 0;
  /// Starts all of these at once; the others start their parts of it in the same call.  Memory of a GPU only if
  /// reaches() it.
  virtual void exchange(const std::vector<Message>& out, const std::vector<Message>& in) {
    for (const Message& m : in) receive(m.other, m.data, m.bytes);
    for (const Message& m : out) send(m.other, m.data, m.bytes);
  }
  /// True if exchange() takes memory of this device.
  virtual bool reaches(Device device) const { return device.kind == Device::cpu; }
  /// Makes progress with what was started, without waiting.
  virtual void poll() = 0;
  /// Tells the others that this process is at work on something long, so that they wait for it: a word a second.
  virtual void tell_at_work() = 0;
  /// Waits until everything that was started has arrived.  ProcessError, with the name of the process that nothing has
  /// come from for `deadline` seconds, not even a word that it is at work, or with the words of one that called fail().
  virtual void finish() = 0;
  /// Tells all others that this process stops, and why; they throw ProcessError at their next call.  Then ends all
  /// processes with this exit code.
  virtual void fail(const std::string& why, int exit_code) noexcept = 0;

  double deadline = 60;                // seconds
  std::string doing = "at the start";  // what this process does, for errors: "in step 12"
  std::string remedy = {};             // for the error of a deadline: " [--deadline SECONDS waits longer]"
  int64_t bytes_sent = 0;              // to other processes, so far
  double seconds_waited = 0;           // in finish(), so far

 protected:
  int rank_ = 0, count_ = 1;
  std::vector<std::string> hosts_ = {"this host"};  // of each process
};

/// The processes of this program: those that a launcher started with it, else this one alone.
/// ConfigError if a launcher has started several and this build has no body for them.
Processes& processes();

/// The same processes, which exchange memory of this device directly if the build can (NCCL).
Processes& processes(Device device);
/// True in the first of several processes, and in a program that has not called processes().  For notes that only one process prints.
bool first_process();
/// Tells the other processes, if this program has any, that this one is at work.  For loops that take long.
void at_work();
/// Does work() on another thread, and tells the others meanwhile that this one is at work: for files, which may block.
/// work() computes nothing whose result depends on the thread, and sends no message.
void at_work_while(const std::function<void()>& work);
/// The end of a program whose processes have all succeeded: waits for the others, so that one that fails at the very end
/// is heard.  Does nothing for a program that has not called processes().
void end_processes();
/// Calls processes().fail() if there are several and this program has asked for them.
void report_failure(const std::string& why, int exit_code) noexcept;

/// What each process says, at every process.
std::vector<std::string> gather(Processes& all, const std::string& words);
/// What process `from` says, at every process.
std::string broadcast(Processes& all, const std::string& words, int from = 0);
/// Waits until every process is here.
void barrier(Processes& all);

/// The number of the micro-batch that is the k-th of a process: they are dealt out in turn.
inline int64_t turn(const Processes& all, int64_t k) { return k * all.count() + all.rank(); }

}  // namespace camo
