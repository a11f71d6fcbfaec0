// Processes over MPI.  Compiled where CMake has found one (-DCAMO_MPI).
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <vector>

#include "tensor/processes.h"

namespace camo {
namespace {

constexpr int kData = 1, kFailure = 2, kAtWork = 3;  // tags
constexpr int64_t kLargest = int64_t(1) << 30;       // bytes of one message: MPI counts in int

// Between two looks for messages, in seconds: a part of the wait so far, so that a long wait takes no core from others.
constexpr double kPart = 1 / 16., kShortest = 50e-6, kLongest = 2e-3;

// Seconds: for the others to print why all end; to hear of it; between two words of being at work.
constexpr double kGrace = 1, kPatience = 60, kBetweenWords = 1;

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

class MpiProcesses : public Processes {
 public:
  explicit MpiProcesses(int launched) {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_dup(MPI_COMM_WORLD, &world_);
    MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(world_, &rank_);
    MPI_Comm_size(world_, &count_);
    check<ConfigError>(count_ == launched, "a launcher has started ", launched, " processes, and MPI knows ", count_,
                       " [the mpirun of the MPI that this program is built with; srun --mpi=pmix]");
    hosts_.assign(size_t(count_), "?");
    heard_.assign(size_t(count_), Clock::now());
    hosts_ = gather(*this, host_name());
  }

  ~MpiProcesses() override { MPI_Finalize(); }  // every process comes here when all is well

  void send(int to, const void* data, int64_t bytes) override {
    bytes_sent += bytes;
    each_part(
        bytes,
        [&](int64_t at, int size, MPI_Request* request) {
          return MPI_Isend(static_cast<const char*>(data) + at, size, MPI_BYTE, to, kData, world_, request);
        },
        to, /*from_other=*/false);
  }

  void receive(int from, void* data, int64_t bytes) override {
    each_part(
        bytes,
        [&](int64_t at, int size, MPI_Request* request) {
          return MPI_Irecv(static_cast<char*>(data) + at, size, MPI_BYTE, from, kData, world_, request);
        },
        from, /*from_other=*/true);
  }

  void poll() override {
    progress();
    look_for_failure();
  }

  void tell_at_work() override {
    if (since(told_) < kBetweenWords) return;
    told_ = Clock::now();
    look_for_failure();
    for (int r = 0; r < count_; ++r) {
      if (r == rank_) continue;
      MPI_Request request = MPI_REQUEST_NULL;  // of no bytes: nothing waits for it
      if (MPI_Isend(nullptr, 0, MPI_BYTE, r, kAtWork, world_, &request) == MPI_SUCCESS) MPI_Request_free(&request);
    }
  }

  void finish() override {
    const Clock::time_point begin = Clock::now();
    Clock::time_point last = begin, looked = begin;
    while (!requests_.empty()) {
      if (since(looked) > patience() / 2) last = Clock::now();  // it was this process that stood still
      looked = Clock::now();
      if (progress()) {
        last = looked;
        continue;
      }
      look_for_failure();
      if (since(last) > patience()) give_up_if_silent(last);
      ::usleep(useconds_t(1e6 * std::clamp(kPart * since(last), kShortest, kLongest)));
    }
    seconds_waited += since(begin);
  }

  // The words are sent so that they count as sent when they have been received.  Those who are silent get none.
  void fail(const std::string& why, int exit_code) noexcept override {
    std::fflush(nullptr);
    const std::string words = doing + ": " + why;
    for (size_t i = 0; i < requests_.size(); ++i)  // their memory may be gone
      if (open_[i].from_other) MPI_Cancel(&requests_[i]);
    const Clock::time_point begin = Clock::now();
    std::vector<MPI_Request> told(static_cast<size_t>(count_), MPI_REQUEST_NULL);
    for (int r = 0; r < count_ && !failed_; ++r)
      if (r != rank_ && !silent_.count(r))
        MPI_Issend(words.data(), int(words.size()), MPI_BYTE, r, kFailure, world_, &told[size_t(r)]);
    // Who was told leaves the end to the one who has told it.
    const double patience = std::min(deadline, kPatience) + (failed_ ? 2 * kGrace : 0);
    int all = 0;
    while (since(begin) < patience && !all) {
      if (!failed_) MPI_Testall(count_, told.data(), &all, MPI_STATUSES_IGNORE);
      std::string theirs;
      while (!failed_ && failure(&theirs) >= 0) {}
      ::usleep(1000);
    }
    if (!failed_) ::usleep(useconds_t(kGrace * 1e6));  // the others print what they were told
    MPI_Abort(world_, exit_code);
  }

 private:
  struct Open {
    int other;
    bool from_other;
  };

  template <class Start> void each_part(int64_t bytes, const Start& start, int other, bool from_other) {
    for (int64_t at = 0; at < bytes; at += kLargest) {
      MPI_Request request = MPI_REQUEST_NULL;
      const int error = start(at, int(std::min(kLargest, bytes - at)), &request);
      check<ProcessError>(error == MPI_SUCCESS, "MPI refuses a message between this process and ", name(other));
      requests_.push_back(request), open_.push_back({other, from_other});
    }
  }

  /// True if something has arrived or left.
  bool progress() {
    if (requests_.empty()) return false;
    int done = 0;
    std::vector<int> which(requests_.size());
    const int error = MPI_Testsome(int(requests_.size()), requests_.data(), &done, which.data(), MPI_STATUSES_IGNORE);
    check<ProcessError>(error == MPI_SUCCESS, "a connection to another process has failed, ", doing);
    if (done == MPI_UNDEFINED || done == 0) return false;
    size_t kept = 0;
    for (size_t i = 0; i < requests_.size(); ++i)
      if (requests_[i] != MPI_REQUEST_NULL) requests_[kept] = requests_[i], open_[kept] = open_[i], ++kept;
    requests_.resize(kept), open_.resize(kept);
    return true;
  }

  /// Takes a failure that some process has told: returns its rank and sets words; -1 if there is none.
  int failure(std::string* words) {
    int there = 0, size = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, kFailure, world_, &there, &status);
    if (!there) return -1;
    MPI_Get_count(&status, MPI_BYTE, &size);
    words->resize(size_t(size));
    MPI_Recv(words->data(), size, MPI_BYTE, status.MPI_SOURCE, kFailure, world_, MPI_STATUS_IGNORE);
    return status.MPI_SOURCE;
  }

  void look_for_failure() {
    for (int there = 1; there;) {
      MPI_Status status;
      MPI_Iprobe(MPI_ANY_SOURCE, kAtWork, world_, &there, &status);
      if (!there) break;
      MPI_Recv(nullptr, 0, MPI_BYTE, status.MPI_SOURCE, kAtWork, world_, MPI_STATUS_IGNORE);
      heard_[size_t(status.MPI_SOURCE)] = Clock::now();
    }
    std::string words;
    const int from = failure(&words);
    if (from < 0) return;
    failed_ = true;
    throw ProcessError(text(name(from), " has stopped ", words));
  }

  /// A word may be on its way; and who stands still is named before the deadline is over.
  double patience() const { return std::max(deadline - kBetweenWords, 2 * kBetweenWords); }

  /// Nothing has arrived since `last`.  Those that have not even said since then that they are at work end the wait.
  void give_up_if_silent(Clock::time_point last) {
    const auto silent = [&](int r) { return since(std::max(last, heard_[size_t(r)])) > patience(); };
    const bool receives = std::any_of(open_.begin(), open_.end(), [](const Open& o) { return o.from_other; });
    for (const Open& o : open_)
      if ((o.from_other || !receives) && silent(o.other)) silent_.insert(o.other);
    if (silent_.empty()) return;
    std::string names;
    for (int r : silent_) names += (names.empty() ? "" : ", ") + name(r);
    throw ProcessError(text("nothing has come for ", int(since(last)), " seconds from ", names, ", ", doing, remedy));
  }

  MPI_Comm world_ = MPI_COMM_NULL;
  std::vector<MPI_Request> requests_;
  std::vector<Open> open_;                // of each request
  std::set<int> silent_;                  // nothing has come from them in time
  std::vector<Clock::time_point> heard_;  // when each has last said that it is at work
  Clock::time_point told_ = {};           // when this process has last said so
  bool failed_ = false;                   // another process has told that it stops
};

}  // namespace

std::unique_ptr<Processes> mpi_processes(int launched) { return std::make_unique<MpiProcesses>(launched); }

}  // namespace camo
