// The position of a run: every number, except tensors, that it needs to continue.
//
// The checkpoint stores it as one JSON object.  position.cpp has one table of its fields, which saving and loading both
// use.  Everything else that a step depends on (order of the data, random numbers, learning rate) is a function of the
// configuration and this position.
#pragma once

#include "examples/camo/options/json.h"
#include "examples/camo/record/epoch_sums.h"

namespace camo::program {

struct Position {
  int64_t epoch = 0;         // completed epochs
  int64_t batch = 0;         // completed batches of the current epoch
  int64_t step = 0;          // optimizer steps in all, including rejected ones
  int64_t bad_in_a_row = 0;  // rejected steps (NaN or infinity) since the last accepted one
  double best_score = -1;    // on the validation data: monitored() of metrics.h
  int64_t best_epoch = 0;
  std::string data{};       // digest of the training photographs
  EpochSums sums{};         // of the current epoch
  int64_t micro_step = 0;   // forward passes in all; part of the key of every random number
  int64_t ema_updates = 0;  // updates of the averaged weights
  double seconds = 0;       // that all processes of the run have taken so far
};

JsonObject to_json_object(const Position& position);
/// ConfigError for a key that is absent or has another type.
Position position_of(const JsonObject& state);

}  // namespace camo::program
