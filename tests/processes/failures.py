"""Faults in a run of several processes: each is named in time, leaves a whole checkpoint and no process, and the run goes on
with another number of processes to the bits of a run that nothing has disturbed.

    python3 tests/processes/failures.py [--kills 20] [--stalls 5] [--errors 5] [--cuts 0] [--processes 3] [--seed 1]

A kill is SIGKILL of a random process at a random moment; the launcher names it.  A stall is SIGSTOP; the others name it
within the deadline.  An error is a photograph that cannot be read any more; the process whose turn it is says so, and so
do the others.  A cut is that of the link between two nodes (two_nodes.sh, as root), of 1 Gbit/s, every second one with 10 ms:
the process on this side of it names the other.  Needs a build with MPI (build/camo) and mpirun.
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAMO = ROOT / "build" / "camo"
DEADLINE = 5
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_hwloc_base_binding_policy="none")


def flags(data, out, processes=1):
    """A step has six micro-batches, whoever computes them."""
    return ["train", "--data", str(data), "--check", "off", "--backbone", "pvt_v2_b0", "--size", "32", "--batch-size", "1",
            "--epochs", "6", "--seed", "3", "--threads", "1", "--workers", "0", "--ema-decay", "0.9", "--hold-out", "0.1",
            "--deadline", str(DEADLINE), "--accumulate", str(6 // processes), "--out", str(out)]


def launched(n, words):
    return (["mpirun", "-n", str(n)] if n > 1 else []) + [str(CAMO), *words]


def on_two_nodes(words, number, cut):
    """The same by a process on each of two nodes, whose link is cut after so many seconds."""
    script = ROOT / "tests" / "processes" / "two_nodes.sh"
    return ["env", f"DELAY={10 * (number % 2)}", f"CUT={cut:.1f}", str(script), str(CAMO), *words]


def digest(run):
    words = subprocess.run([CAMO, "inspect", "--hash", run / "last.safetensors"], check=True, capture_output=True, text=True)
    return re.search("digest of all ([0-9a-f]+)", words.stdout).group(1)


def children(out):
    """The process ids of the run's training processes."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended
        if words[0] == bytes(CAMO) and bytes(out) in words:
            found.append(int(path.parent.name))
    return found


def fault(kind, victims, data, folder, rng):
    """Does it; returns the words by which it must be named, and the photograph that has gone."""
    victim = rng.choice(victims)
    rank = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", pathlib.Path(f"/proc/{victim}/environ").read_bytes()).group(1).decode()
    if kind == "kill":
        os.kill(victim, signal.SIGKILL)
        return f"process rank {rank} with PID", None
    if kind == "stall":
        os.kill(victim, signal.SIGSTOP)
        return f"seconds from process {rank} of", None
    if kind == "error":
        hidden = rng.choice(sorted((data / "Image").iterdir()))
        hidden.rename(folder / hidden.name)
        return " has stopped in step ", hidden
    return "seconds from process 1 of 2 on node-b", None


def trial(kind, number, n, data, folder, rng, expected):
    out = folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    log = folder / "log"
    command = launched(n, flags(data, out, n))
    if kind == "cut":
        command = on_two_nodes(flags(data, out, 2), number, rng.uniform(8, 12))
    with open(log, "w") as file:
        run = subprocess.Popen(command, env=ENVIRONMENT, stdout=file, stderr=subprocess.STDOUT)
    while not (out / "last.safetensors").exists() and run.poll() is None:
        time.sleep(0.01)
    if kind == "cut":
        while "the link is cut" not in log.read_text(errors="replace") and run.poll() is None:
            time.sleep(0.02)
    else:
        time.sleep(rng.uniform(0, 3))
    victims = children(out)
    if run.poll() is not None or len(victims) < (2 if kind == "cut" else n):
        run.kill()
        run.wait()
        return "over before the fault"
    began = time.time()
    words, hidden = fault(kind, victims, data, folder, rng)
    named = None  # seconds after the fault
    while run.poll() is None and time.time() - began < 120:
        if named is None and words in log.read_text(errors="replace"):
            named = time.time() - began
        time.sleep(0.02)
    ended = time.time() - began
    if hidden:
        (folder / hidden.name).rename(hidden)
    said = log.read_text(errors="replace")
    if named is None and words in said:
        named = ended
    problems = []
    if run.poll() in (None, 0) or named is None:
        problems.append(f"exit code {run.poll()}, not named in: {said[-600:]}")
    elif named > DEADLINE:
        problems.append(f"late, named after {named:.1f} s")
    time.sleep(0.5)
    if children(out):
        problems.append("processes are left")
    digest(out)  # the checkpoint is whole
    again = rng.choice([1, 2, 3])
    subprocess.run(launched(again, ["train", "--resume", str(out)]), check=True, env=ENVIRONMENT, capture_output=True)
    if digest(out) != expected:
        problems.append(f"resumed with {again} processes, it ends with other bits")
    return "; ".join(problems) or f"named after {named:.1f} s, over after {ended:.1f} s, resumed with {again}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name, number in (("kills", 20), ("stalls", 5), ("errors", 5), ("cuts", 0), ("processes", 3), ("seed", 1)):
        parser.add_argument("--" + name, type=int, default=number)
    a = parser.parse_args()
    rng = random.Random(a.seed)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        data = folder / "data"
        subprocess.run([CAMO, "synth", "--out", data, "--count", "48", "--size", "32"], check=True, capture_output=True)
        subprocess.run(launched(1, flags(data, folder / "whole")), check=True, capture_output=True)
        expected = digest(folder / "whole")
        for kind, count in (("kill", a.kills), ("stall", a.stalls), ("error", a.errors), ("cut", a.cuts)):
            done = tries = 0
            while done < count and (tries := tries + 1) <= 3 * count:
                words = trial(kind, done, a.processes, data, folder, rng, expected)
                if words.startswith("over"):
                    continue
                done += 1
                failed = not words.startswith("named")
                bad += failed
                print(f"{kind} {done}: {'FAILED: ' if failed else ''}{words}", flush=True)
            if done < count:
                bad += count - done
                print(f"{kind}: only {done} faults in time: a run ends too soon")
    print(f"{a.kills + a.stalls + a.errors + a.cuts} faults, {bad} not as promised")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
