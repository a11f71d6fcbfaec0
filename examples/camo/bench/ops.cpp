// camo bench ops: times every op case that lists a benchmark size, and compares with the best that the device can do,
// measured before and after in the same process (the better one counts, because clock rates change).  Timing and
// bounds: tests/op_bench.h.
#include <cstdio>
#include <sstream>

#include "examples/camo/bench/bench.h"
#include "examples/camo/options/config.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/json.h"
#include "tensor/ops/matmul.h"
#include "tensor/parallel.h"
#include "tests/op_bench.h"

namespace camo::program {
namespace {

using namespace test;

/// "8x88x88x64 64"
std::string shapes_text(const std::vector<Shape>& shapes) {
  std::ostringstream out;
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (i) out << ' ';
    for (int axis = 0; axis < shapes[i].rank(); ++axis) out << (axis ? "x" : "") << shapes[i][axis];
  }
  return out.str();
}

struct Row {
  std::string name, stem, problem;
  Timing timing;
};

Peaks better(const Peaks& a, const Peaks& b) {
  return {std::max(a.bytes, b.bytes), std::max(a.f32_flops, b.f32_flops), std::max(a.bf16_flops, b.bf16_flops),
          std::min(a.call, b.call)};
}

void print(const Row& row, const Peaks& p) {
  const Timing& t = row.timing;
  std::printf("%-44s %-5s", row.name.c_str(), t.dtype == DType::bf16 ? "bf16" : "f32");
  if (!row.problem.empty()) return void(std::printf(" FAILED %s\n", row.problem.c_str()));
  std::printf(" %10.4f ms %5.2f", t.forward * 1e3, t.forward_bound(p) / t.forward);
  if (t.both > 0) std::printf(" %10.4f ms %5.2f", t.both * 1e3, t.both_bound(p) / t.both);
  std::printf("\n");
}

std::string json(const Row& row, const Peaks& p) {
  const Timing& t = row.timing;
  JsonObject out;
  out.items = {{"case", row.name}, {"stem", row.stem}, {"dtype", text(t.dtype)}, {"inputs", shapes_text(t.inputs)}};
  if (!row.problem.empty()) return out.set("problem", row.problem), to_json(out);
  out.set("bytes", t.forward_bytes), out.set("flops", t.flops);
  out.set("forward_ms", t.forward * 1e3), out.set("forward_bound_ms", t.forward_bound(p) * 1e3);
  if (t.both > 0) out.set("both_ms", t.both * 1e3), out.set("both_bound_ms", t.both_bound(p) * 1e3);
  return to_json(out);
}

}  // namespace

int bench_ops_command(const Arguments& words) {
  std::string out;
  Machine machine;
  BenchPlan plan;
  Command command{
      .name = "bench ops",
      .summary =
          "Times every op, forward and with backward, in f32 and bf16, against the copy bandwidth and the rate of "
          "a large matrix product that are measured in the same process.  STEM picks the ops of "
          "tests/ops/STEM.cpp.",
      .usage = "camo bench ops [STEM...] [flags]",
      .options = {choice("size", &plan.size,
                         "inputs; small: of the checks; listed: of the case; large: 8 times its batch"),
                  {"out", &out, "write the table to this JSON file"}},
      .rest = "STEM",
      .notes =
          "Columns: the time of the forward pass, and its lower bound as a fraction of it; the same of the forward "
          "and backward pass together."};
  command.options.add(options(machine).only({"device", "threads", "bf16-units"}));
  const std::vector<std::string> wanted = read(command, words).rest;
  plan.device = machine.device;
  if (machine.bf16_units == UnitsChoice::automatic) machine.bf16_units = UnitsChoice(fastest_bf16_units());
  apply_machine(machine);

  Peaks peaks = measure_peaks(plan);
  std::vector<Row> rows;
  for (const OpCase& c : cases()) {
    if (c.bench_inputs.empty() || c.except.count(Check::bench)) continue;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), c.stem) == wanted.end()) continue;
    for (DType t : {DType::f32, DType::bf16}) {
      if (t == DType::bf16 && c.except.count(Check::bf16)) continue;
      Row row{c.name, c.stem, "", {.dtype = t, .inputs = c.bench_inputs}};
      try {
        row.timing = time_case(c, t, plan);
      } catch (const std::exception& e) {
        row.problem = e.what();
      }
      print(row, peaks);
      std::fflush(stdout);
      rows.push_back(row);
    }
  }
  check<ConfigError>(!rows.empty(), "camo bench ops: no such file of ops");
  peaks = better(peaks, measure_peaks(plan));
  std::printf("copy %.1f GB/s, products %.3f TFLOP/s f32, %.3f TFLOP/s bf16, a call %.2f us\n", peaks.bytes * 1e-9,
              peaks.f32_flops * 1e-12, peaks.bf16_flops * 1e-12, peaks.call * 1e6);

  JsonObject head;
  head.items = {{"device", to_string(machine.device)},
                {"size", name_of(plan.size)},
                {"bf16_units", name_of(bf16_units())},
                {"copy_gb_s", peaks.bytes * 1e-9},
                {"f32_tflop_s", peaks.f32_flops * 1e-12},
                {"bf16_tflop_s", peaks.bf16_flops * 1e-12},
                {"call_us", peaks.call * 1e6}};
  int failed = 0;
  std::string list;
  for (const Row& row : rows)
    list += (list.empty() ? "\n  " : ",\n  ") + json(row, peaks), failed += !row.problem.empty();
  if (!out.empty()) write_file(out, "{\"peaks\": " + to_json(head) + ",\n\"ops\": [" + list + "]}\n");
  return failed ? 1 : 0;
}

}  // namespace camo::program
