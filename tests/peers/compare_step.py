"""Camo against PyTorch: time and memory of one training step of a backbone.

Each side runs in its own process and steps on request.  Rounds interleave (camo, torch NCHW, torch channels last, camo,
...), so that a noisy machine is equally noisy for all.  While one side steps the others are stopped, because threads
that spin between steps would take a core from it.  The result is the median of the ratios per round, against the memory
format that is faster for PyTorch.  Memory is measured in the first step of fresh processes that do nothing else.
Exits 1 if Camo is slower or uses more memory.

    python tests/peers/compare_step.py --camo "build/camo bench step --serve" --rounds 9
"""

import argparse
import os
import shlex
import signal
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Peer:
    def __init__(self, name, command, threads):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

        self.process.send_signal(signal.SIGSTOP)

    def ask(self, command):
        self.process.send_signal(signal.SIGCONT)
        print(command, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        self.process.send_signal(signal.SIGSTOP)
        if len(answer) != 2:
            sys.exit(f"{self.name}: no answer to '{command}'")
        return float(answer[1])

    def close(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camo", default="build/camo bench step --serve", help="command of Camo's side")
    parser.add_argument("--backbone", default="pvt_v2_b0")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=352)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warmup", type=int, default=2)
    options = parser.parse_args()

    shared = [f"--{key}={getattr(options, key)}" for key in ("backbone", "batch", "size", "threads")]
    torch = [sys.executable, str(HERE / "step_timm.py"), *shared]
    commands = {"camo": shlex.split(options.camo) + shared, "torch nchw": torch, "torch channels-last": [*torch, "--channels-last"]}

    memory = {}
    for name, command in commands.items():
        peer = Peer(name, command, options.threads)
        memory[name] = peer.ask("memory")
        peer.close()

    peers = {name: Peer(name, command, options.threads) for name, command in commands.items()}
    times = {name: [] for name in commands}
    for round_number in range(options.warmup + options.rounds):
        for name, peer in peers.items():
            ms = peer.ask("step")
            if round_number >= options.warmup:
                times[name].append(ms)
    for peer in peers.values():
        peer.close()

    print(f"{options.backbone}, {options.size} x {options.size}, batch {options.batch}, {options.threads} threads, "
          f"{options.rounds} rounds: one training step")
    for name, ms in times.items():
        print(f"  {name:20} {statistics.median(ms):8.1f} ms ({min(ms):.1f} to {max(ms):.1f})   {memory[name]:7.0f} MiB")
    best = min((name for name in times if name != "camo"), key=lambda name: statistics.median(times[name]))
    ratio = statistics.median(a / b for a, b in zip(times["camo"], times[best]))
    smallest = min(memory[name] for name in memory if name != "camo")
    print(f"  camo / {best}: time {ratio:.3f}, memory {memory['camo'] / smallest:.3f} of the smaller")
    sys.exit(ratio > 1 or memory["camo"] >= smallest)


if __name__ == "__main__":
    main()
