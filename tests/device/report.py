"""Reports the measurements of tests/device/run as a table for people (.md) and for programs (.json).

    report.py compare RAW            the two training curves; exit status 1 when they part
    report.py write RAW OUT SECONDS  RAW/{facts,steps}.tsv, train-*.json, bench.json, torch.json -> OUT/GPU-DATE.{md,json}
"""

import json
import re
import statistics
import sys
from pathlib import Path

# Rounding differs from the first step on, and Adam divides small gradients by their own size, so correct
# curves part slowly.
# A wrong kernel makes them part at once.
FIRST, FIRST_WITHIN = 20, 1e-2
LAST, LAST_WITHIN = 20, 0.1


def table(path):
    return [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []


def load(path):
    return json.loads(path.read_text()) if path.exists() else None


def curves(raw):
    """Compares the two training runs; None if one is missing."""
    cpu, cuda = load(raw / "train-cpu.json"), load(raw / "train-cuda.json")
    if not cpu or not cuda:
        return None
    first = max(abs(a - b) / abs(b) for a, b in zip(cuda["losses"][:FIRST], cpu["losses"][:FIRST]))
    means = [statistics.fmean(run["losses"][-LAST:]) for run in (cpu, cuda)]
    return {
        "steps": cpu["steps"], "batch": cpu["batch"], "size": cpu["size"], "first_steps_worst": first,
        "last_mean_cpu": means[0], "last_mean_cuda": means[1], "step_ms_cpu": cpu["step_ms"], "step_ms_cuda": cuda["step_ms"],
        "agree": first <= FIRST_WITHIN and abs(means[1] - means[0]) <= LAST_WITHIN * abs(means[0]),
        "losses_cpu": cpu["losses"], "losses_cuda": cuda["losses"],
    }


def compare(raw):
    found = curves(raw)
    if not found:
        sys.exit("a run is missing")
    print(f"{found['steps']} steps: largest relative difference of the first {min(FIRST, found['steps'])} "
          f"{found['first_steps_worst']:.2e}, mean of the last {min(LAST, found['steps'])} {found['last_mean_cpu']:.5f} on cpu, "
          f"{found['last_mean_cuda']:.5f} on cuda")
    sys.exit(not found["agree"])


def shares(row):
    """The ratio bound / time, for forward and for both; None if a figure is missing."""
    return [row[kind + "_bound_ms"] / row[kind + "_ms"] if kind + "_ms" in row else None for kind in ("forward", "both")]


def short_of_half(rows):
    return [row for row in rows if any(share is not None and share < 0.5 for share in shares(row))]


def cell(value, form):
    return "" if value is None else format(value, form)


def op_lines(rows, peers, call_us):
    yield "| op | type | forward ms | of bound | with backward ms | of bound | PyTorch forward | with backward | |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---|"
    for row in rows:
        if "problem" in row:
            yield f"| {row['case']} | {row['dtype']} | | | | | | | {row['problem']} |"
            continue
        peer = peers.get(f"{row['case']}|{row['dtype']}", {})
        forward, both = shares(row)
        note = "a bound under two bare calls" if row["forward_bound_ms"] < 2e-3 * call_us else ""
        yield (f"| {row['case']} | {row['dtype']} | {row['forward_ms']:.4f} | {forward:.2f} | {cell(row.get('both_ms'), '.4f')} | "
               f"{cell(both, '.2f')} | {cell(peer.get('forward_ms'), '.4f')} | {cell(peer.get('both_ms'), '.4f')} | {note} |")


def failures(raw, step):
    """The last lines of each log of a failed step that say why it failed."""
    for log in sorted(raw.glob(f"{step}*.log")):
        lines = log.read_text(errors="replace").splitlines()
        telling = [line for line in lines if re.search(r"FAILED|[Ee]rror|ERROR|Hazard|Uninitialized|camo:", line)]
        if not log.stem.endswith("-probe") and (telling or log.stem == step):
            yield f"{log.stem}:"
            yield from ("    " + line for line in (telling or lines)[:8])


def document(raw, facts, steps, seconds, training, bench, torch):
    emulated = facts.get("gpu") == "emulation"
    yield f"# {facts.get('gpu', 'no GPU')}, {facts.get('date')}"
    yield ""
    if emulated:
        yield "A rehearsal with emulated kernels: the times below are no speed of anything."
        yield ""
    yield "; ".join(f"{name} {value}" for name, value in facts.items()) + f". `tests/device/run`, {seconds} s."
    yield ""
    yield "| step | result | seconds | |"
    yield "|---|---|---:|---|"
    for name, status, spent, note in steps:
        yield f"| {name} | {status} | {spent} | {note} |"
    for name, status, *_ in steps:
        if status == "FAILED":
            yield ""
            yield f"## {name} failed"
            yield ""
            yield "```"
            yield from failures(raw, name)
            yield "```"
    if training:
        yield ""
        yield (f"Training, the demo's network, one seed: {training['steps']} steps of {training['batch']} photographs of "
               f"{training['size']}. Largest relative difference of the first {min(FIRST, training['steps'])} losses "
               f"{training['first_steps_worst']:.1e}; mean of the last {min(LAST, training['steps'])}: "
               f"{training['last_mean_cpu']:.5f} on the CPU, {training['last_mean_cuda']:.5f} on the GPU. "
               f"A step took {training['step_ms_cuda']:.2f} ms on the GPU, {training['step_ms_cpu']:.2f} ms on the CPU.")
    if not bench:
        return
    peaks, rows = bench["peaks"], bench["ops"]
    peers = torch["ops"] if torch else {}
    short = short_of_half(rows)
    yield ""
    yield (f"Measured in the same process: copy {peaks['copy_gb_s']:.0f} GB/s (read and written), products "
           f"{peaks['f32_tflop_s']:.1f} TFLOP/s f32, {peaks['bf16_tflop_s']:.1f} TFLOP/s bf16, the shortest call "
           f"{peaks['call_us']:.2f} us.")
    yield ""
    yield ("The bound of a forward pass is the larger of its bytes over the copy bandwidth and its flops over the rate of "
           "products in its type; backward at least reads dy, writes the gradients and does twice the flops. A share above 1: "
           "the numbers were still in a cache. PyTorch " + (torch["torch"] + ": eager, no TF32, the faster memory format, bf16 "
           "weights in bf16." if torch else "was not there."))
    yield ""
    yield f"## Short of half their bound: {len(short)} of {len(rows)}"
    yield ""
    yield from op_lines(short, peers, peaks["call_us"])
    yield ""
    yield "## All"
    yield ""
    yield from op_lines(rows, peers, peaks["call_us"])


def write(raw, out, seconds):
    facts, steps = dict(table(raw / "facts.tsv")), table(raw / "steps.tsv")
    training, bench, torch = curves(raw), load(raw / "bench.json"), load(raw / "torch.json")
    name = re.sub(r"[^a-z0-9]+", "-", facts.get("gpu", "none").lower()).strip("-") + "-" + facts["date"]
    (out / f"{name}.md").write_text("\n".join(document(raw, facts, steps, seconds, training, bench, torch)) + "\n")
    everything = {
        "facts": facts, "seconds": int(seconds), "training": training, "bench": bench, "torch": torch,
        "steps": [dict(zip(("step", "result", "seconds", "note"), step)) for step in steps],
    }
    (out / f"{name}.json").write_text(json.dumps(everything, indent=1) + "\n")
    print(out / f"{name}.md")


if __name__ == "__main__":
    if sys.argv[1] == "compare":
        compare(Path(sys.argv[2]))
    else:
        write(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
