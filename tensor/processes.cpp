#include "tensor/processes.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>

namespace camo {
namespace {

class OneProcess : public Processes {
 public:
  void send(int, const void*, int64_t) override {}
  void receive(int, void*, int64_t) override {}
  void poll() override {}
  void tell_at_work() override {}
  void finish() override {}
  void fail(const std::string&, int) noexcept override {}
};

/// The number of processes that a launcher says it has started; 1 if there is no launcher.  srun sets the third, also
/// for a program that is no part of an MPI job.
int launched() {
  for (const char* key : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (const char* value = std::getenv(key)) return std::max(1, std::atoi(value));
  return 1;
}

}  // namespace

#ifdef CAMO_MPI
std::unique_ptr<Processes> mpi_processes(int launched);
#endif

namespace {
Processes* g_all = nullptr;
}

bool first_process() { return !g_all || g_all->first(); }

void at_work() {
  if (g_all) g_all->tell_at_work();
}

void at_work_while(const std::function<void()>& work) {
  if (!g_all || g_all->count() == 1) return work();
  std::future<void> done = std::async(std::launch::async, work);
  while (done.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) g_all->tell_at_work();
  done.get();
}

void end_processes() {
  if (!g_all) return;
  g_all->doing = "at the end";
  barrier(*g_all);
}

void report_failure(const std::string& why, int exit_code) noexcept {
  if (g_all) g_all->fail(why, exit_code);
}

Processes& processes() {
  static const std::unique_ptr<Processes> all = []() -> std::unique_ptr<Processes> {
    if (launched() == 1) return std::make_unique<OneProcess>();
#ifdef CAMO_MPI
    return mpi_processes(launched());
#else
    throw ConfigError(text("a launcher has started ", launched(), " processes, and this build knows one ",
                           "[build with -DCAMO_MPI=on, or start it without the launcher]"));
#endif
  }();
  g_all = all.get();
  return *all;
}

#ifdef CAMO_NCCL
std::unique_ptr<Processes> nccl_processes(Processes& host, int device);
#endif

Processes& processes([[maybe_unused]] Device device) {
#ifdef CAMO_NCCL
  if (device.kind == Device::cuda && processes().count() > 1) {
    static const std::unique_ptr<Processes> direct = nccl_processes(processes(), device.index);
    return *direct;
  }
#endif
  return processes();
}

int Processes::rank_on_host() const {
  return int(std::count(hosts_.begin(), hosts_.begin() + rank_, hosts_[size_t(rank_)]));
}
int Processes::count_on_host() const { return int(std::count(hosts_.begin(), hosts_.end(), hosts_[size_t(rank_)])); }

std::vector<std::string> gather(Processes& all, const std::string& words) {
  const size_t n = size_t(all.count()), me = size_t(all.rank());
  const int64_t mine = int64_t(words.size());
  std::vector<int64_t> bytes(n, mine);
  std::vector<std::string> out(n);
  for (size_t r = 0; r < n; ++r)
    if (r != me) all.receive(int(r), &bytes[r], sizeof bytes[r]);
  for (size_t r = 0; r < n; ++r)
    if (r != me) all.send(int(r), &mine, sizeof mine);
  all.finish();
  for (size_t r = 0; r < n; ++r) out[r].resize(size_t(bytes[r]));
  out[me] = words;
  for (size_t r = 0; r < n; ++r)
    if (r != me && bytes[r] > 0) all.receive(int(r), out[r].data(), bytes[r]);
  for (size_t r = 0; r < n; ++r)
    if (r != me && mine > 0) all.send(int(r), words.data(), mine);
  all.finish();
  return out;
}

std::string broadcast(Processes& all, const std::string& words, int from) {
  return gather(all, all.rank() == from ? words : "")[size_t(from)];
}

void barrier(Processes& all) { gather(all, ""); }

}  // namespace camo
