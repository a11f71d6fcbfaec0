// The optimizer step of many processes.
//
// A step is a sum over micro-batches 0, 1, ..., M-1.  Micro-batch i belongs to process i mod N, so there are rounds in
// which each process has one.  Every parameter has an owner.  In a round
//
//   each process      runs its backward pass; gradients leave for their owners while it still runs
//   each owner        adds the round's gradients in the order of the micro-batches
//
// and after the last round each owner updates its parameters (only it has their moments) and sends them to all.  The
// sums are made in the order of the micro-batches and never in an order of arrival.  So N processes compute the bits of
// one process that accumulates M micro-batches.
// Rajbhandari, Rasley, Ruwase, He 2020, "ZeRO", arXiv:1910.02054, stage 2.
#pragma once

#include <optional>

#include "autograd/observer.h"
#include "nn/module.h"
#include "nn/state_dict.h"
#include "tensor/processes.h"

namespace camo::nn {

class SharedStep {
 public:
  /// Both must outlive it.  Gradients leave in messages of about `bucket_bytes`.  GraphError if the parameters have
  /// several dtypes.
  SharedStep(Module& model, Processes& all, int64_t bucket_bytes = int64_t(1) << 20);
  ~SharedStep();

  Processes& processes() const { return all_; }
  int owner(size_t parameter) const { return owner_[parameter]; }
  bool owns(size_t parameter) const { return owner_[parameter] == all_.rank(); }

  /// Begins a round in which the first `passes` processes have a micro-batch.
  void begin_round(int64_t passes);
  /// Between the forward and the backward pass of this process's micro-batch: from now on a gradient leaves for its owner
  /// as soon as it is whole.
  void watch(const Var& loss);
  /// Ends the round: the owners' sums have grown, and no parameter has a gradient.
  void end_round();
  /// Gives the sums to this process's own parameters as their gradients.
  void give();

  /// What the owners know about their parameters, at every process: whether a gradient has reached it, and a number.
  void combine(std::vector<char>& reached, std::vector<double>& number);
  /// The values of these parameters, from their owners to every process.
  void send_values(const std::vector<size_t>& parameters);
  /// All tensors named by `names` that some process has, at process 0; elsewhere what `mine` holds.
  NamedTensors collect(NamedTensors mine, const std::vector<std::string>& names);

  int64_t early_bytes() const { return early_bytes_; }  // sent before the last node of a backward pass had run, so far
  int64_t all_bytes() const { return all_bytes_; }      // of gradients sent, so far

 private:
  /// Parameters of one owner, in the order of a backward pass, whose gradients travel in one message.
  struct Bucket {
    int owner;
    std::vector<size_t> parameters = {};
    int64_t numel = 0;
  };
  struct Arriving {
    std::vector<Tensor> buckets;  // this process's own, in order
    std::vector<char> reached;    // for each of their parameters
  };
  class Watch;

  void make_buckets();
  Tensor gradients_of(const Bucket& bucket);
  void exchange_ready();
  void exchange_flags();
  Device travels_on() const;  // where a message's memory lies
  Tensor joined(const Bucket& bucket, const std::function<const Tensor*(size_t)>& of) const;

  Module& model_;
  Processes& all_;
  int64_t bucket_bytes_;
  std::vector<int> owner_;
  std::vector<Parameter> parameters_;  // as they are in this step
  std::vector<Bucket> buckets_;
  int64_t passes_ = 0;
  std::vector<Arriving> arriving_;           // of each process
  std::vector<Tensor> leaving_;              // buckets on their way
  std::vector<char> whole_;                  // of each parameter: its gradient is whole in this round
  std::vector<std::optional<Tensor>> sent_;  // of each parameter: its gradient, if it has been sent
  std::vector<std::vector<size_t>> to_;      // of each owner: its buckets in order
  size_t next_ = 0;  // the n-th buckets of all owners leave together; the first n of this round that has not left
  std::unique_ptr<Watch> watch_;
  std::vector<std::vector<char>> flags_;  // on their way to each owner
  std::vector<Tensor> sums_;
  int64_t all_bytes_ = 0, early_bytes_ = 0;  // as early_bytes() and all_bytes() say
  int64_t bytes_before_ = 0;                 // all_bytes_ before this round
  int64_t early_now_ = 0;                    // all_bytes_ before the node that has just run
};

}  // namespace camo::nn
