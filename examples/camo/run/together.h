// The start of a run by many processes: they have the same program, configuration and data, and each its share of a host.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "examples/camo/run/prepare.h"
#include "tensor/processes.h"

namespace camo::program {

/// The deadline, in units of --deadline, while process 0 prepares a run: it may find much data, or load large weights.
constexpr double kPatience = 10;

/// The processes of this command, which calls it first of all, so that an error of one is heard by the others.  Only
/// process 0 prints from now on; errors come from every process.  Each has its share of the host's cores.  ConfigError
/// if they are not one program.
Processes& join_processes();

/// The GPU of this process: its host's are dealt out in turn.
Device own_device(const Processes& all, Device device);

/// ConfigError, with the process and both values, unless every process says the same.
void check_equal(Processes& all, const std::string& what, const std::string& mine);

/// Calls work(i) for each i in [0, n) that is this process's, in order.  Every process gets all results, in order.
std::vector<std::string> deal(Processes& all, int64_t n, const std::function<std::string(int64_t)>& work);

/// Process 0 prepares the run; the others take over what it has decided (prepare changes config) and find the data by
/// themselves.  The first process of each host checks the data and fills --cache FILE before the others of its host look.
/// ConfigError if configurations or data differ, naming the process and what differs.
Prepared prepare_together(Processes& all, TrainConfig& config, const std::function<Prepared()>& prepare);

}  // namespace camo::program
