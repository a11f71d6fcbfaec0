// Ladders: one task computed several times, each time with one idea more.
//
// A rung is a file of at most 80 lines; its first comment says the idea.  `camo bench ladder NAME` measures all rungs in
// one run; tests/program/ladder_test.cpp holds each to the definition in f64.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace camo::ladder {

struct Rung {
  std::string name, idea;
  std::function<void()> run;
  int threads = 1;          // threads that it uses; 0: all
  int64_t memory = 0;       // bytes that it needs beside inputs and output
  double tolerance = 1e-6;  // its largest relative error
};

/// A task at one size.  The data behind `run` lives as long as the object.
struct Ladder {
  std::string name, task;
  double flops = 0, bytes = 0;   // of the definition; bytes of inputs and output, each once
  bool bound_by_memory = false;  // rungs are compared with a copy of as many bytes, not with the peak of multiply-adds
  std::vector<Rung> rungs;
  std::function<std::vector<double>()> result;  // what the last run() has computed
  std::function<void()> clear;                  // overwrites it with NaN
  std::vector<double> truth;                    // the definition in f64; empty unless asked for
};

/// The ladders by name; `small` takes odd sizes for a test, and computes the truth.
struct LadderKind {
  std::string name;
  Ladder (*make)(bool small);
};
const std::vector<LadderKind>& ladders();

Ladder product_ladder(bool small);
Ladder attention_ladder(bool small);
Ladder softmax_ladder(bool small);
Ladder norm_ladder(bool small);
Ladder depthwise_ladder(bool small);
Ladder convolution_ladder(bool small);
Ladder mixture_ladder(bool small);

}  // namespace camo::ladder
