"""Camo against PyTorch: time and memory of one training step of backbones or networks, in f32 and in bf16.

Each side runs in its own process and steps on request.  Rounds interleave (camo fp32, camo bf16, torch fp32, ...), so
that a noisy machine is equally noisy for all.  While one side steps the others are stopped, because threads that spin
between steps would take a core from it.  Time is the median over the rounds, memory that of the first step of fresh
processes that do nothing else.  PyTorch runs in both memory formats, in bf16 under autocast; a ratio compares Camo with the
fastest of PyTorch's that count.  With --model, PyTorch runs what `camo export --to pytorch` writes of that network.
Exits 1 if Camo is slower or uses more memory.

    python tests/peers/compare_step.py --camo "build/camo bench step --serve" --backbones pvt_v2_b2 swin_tiny --rounds 3
"""

import argparse
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
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


def export(options, backbone, folder):
    """A network after an epoch on a few small pictures, as a folder for PyTorch."""
    program, run, out = shlex.split(options.camo)[0], f"{folder}/{backbone}", f"{folder}/{backbone}_torch"
    for words in (f"train --data synthetic --count 16 --size 64 --epochs 1 --model {options.model} --backbone {backbone} --out {run}",
                  f"export --weights {run} --to pytorch --out {out}"):
        subprocess.run([program, *words.split()], check=True, stdout=subprocess.DEVNULL)
    return out


def contenders(options, backbone, folder):
    """The command of each side, by its name; the names of PyTorch's begin with torch."""
    shared = [f"--{key}={getattr(options, key)}" for key in ("batch", "size", "threads")] + [f"--backbone={backbone}"]
    torch = [sys.executable, str(HERE / "step_torch.py"), *shared]
    out, camo = {}, shlex.split(options.camo)
    if options.model:
        torch.append(f"--network={export(options, backbone, folder)}")
        camo.append(f"--model={options.model}")
    for precision in options.precision:
        how = f"--precision={precision}"
        out[f"camo {precision}"] = [*camo, *shared, how]
        out[f"torch {precision}"] = [*torch, how]
        out[f"torch {precision} channels-last"] = [*torch, how, "--channels-last"]
    return out


def measured(options, commands):
    """Times of the rounds in ms and memory in MiB, by name."""
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
    return times, memory


def compared(times, memory, precisions):
    """Camo's best against PyTorch's best among these precisions: (words, PyTorch's time over Camo's, memory ratio)."""
    def best(side):
        return min((n for n in times if n.split()[0] == side and n.split()[1] in precisions),
                   key=lambda n: statistics.median(times[n]))

    camo, torch = best("camo"), best("torch")
    ratio = statistics.median(b / a for a, b in zip(times[camo], times[torch]))
    return f"{torch} / {camo}", ratio, memory[camo] / memory[torch]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camo", default="build/camo bench step --serve", help="command of Camo's side")
    parser.add_argument("--backbones", nargs="+", default=["pvt_v2_b0"])
    parser.add_argument("--model", help="a whole network, such as camoxpert-sparse; without, the backbone alone")
    parser.add_argument("--precision", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=352)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warmup", type=int, default=2)
    options = parser.parse_args()

    print(f"one training step, {options.size} x {options.size}, batch {options.batch}, {options.threads} threads, "
          f"{options.rounds} rounds: ms an image (MiB of the step)", flush=True)
    worse = False
    for backbone in options.backbones:
        with tempfile.TemporaryDirectory() as folder:
            times, memory = measured(options, contenders(options, backbone, folder))
        print(f"{options.model} on {backbone}" if options.model else backbone)
        for name, ms in times.items():
            ms = [t / options.batch for t in ms]
            print(f"  {name:26} {statistics.median(ms):8.1f} ({min(ms):.1f} to {max(ms):.1f})   {memory[name]:7.0f}")
        for precisions in (["fp32"], options.precision):
            if set(precisions) <= set(options.precision):
                words, ratio, share = compared(times, memory, precisions)
                worse |= ratio < 1 or share >= 1
                print(f"  {words}: {ratio:.2f} x faster, {share:.2f} of its memory", flush=True)
    sys.exit(worse)


if __name__ == "__main__":
    main()
