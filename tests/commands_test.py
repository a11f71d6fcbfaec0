"""The commands of the chapters work: commands_test.py BUILD

In every Markdown file an indented block that begins with a command is run, in order, in one folder for each file; words in capitals
stand for files and folders that are made here (DIR, RUN, MAPS ...), and training is made short.  A block that cannot be run has
<!-- not run by a test: REASON --> above it, or its file <!-- no command here is run by a test: REASON -->; the flags of its `camo` commands must exist all the same.
Prints each command that fails with its last lines; exit code 1 if there is one.
"""

import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
COMMAND = re.compile(r"(\./run|camo|build/|cmake|ctest|mpirun|python3?|apt-get|man|mkdir|tests/|ninja|sbatch|[A-Z_]+=\S+) ?")
MARK = "<!-- not run by a test: "
MARK_ALL = "<!-- no command here is run by a test: "
SHORT = ["--epochs", "1", "--size", "128", "--batch-size", "4", "--workers", "0"]  # of a training that asks for no size of its own
SIZED = ["--epochs", "1", "--batch-size", "2", "--workers", "0"]
MAY_FAIL = {"verify": {7}}  # a network that has trained for one epoch has experts that nobody uses
TIME = 60  # seconds
failures, count = [], {"run": 0, "read": 0}


def blocks(file):
    """(number of the line, mark above it, commands) of every indented block that begins with a command."""
    lines, i, fenced = file.read_text().splitlines(), 0, False
    whole = any(line.startswith(MARK_ALL) for line in lines)
    while i < len(lines):
        fenced ^= lines[i].startswith("```")
        starts = not fenced and lines[i].startswith("    ") and (i == 0 or not lines[i - 1].startswith("    "))
        if not starts or not COMMAND.match(lines[i].strip()):
            i += 1
            continue
        first, text = i, []
        while i < len(lines) and lines[i].startswith("    "):
            text.append(lines[i].strip())
            i += 1
        above = next((line for line in reversed(lines[:first]) if line.strip()), "")
        joined = re.sub(r"\\\n", " ", "\n".join(text)).splitlines()
        yield first + 1, whole or above.startswith(MARK), [re.sub(r"\s+#.*", "", line) for line in joined if not line.startswith("#")]


def words_of(command, build):
    """The program and its arguments, with the programs of this build; None if it is none that a test may start."""
    words = shlex.split(command)
    if words[:2] == ["./run", "camo"]:
        words = words[1:]
    if words[0] == "camo":
        return [str(build / "camo"), *words[1:]]
    if words[0].startswith("build/"):
        return [str(build / words[0].removeprefix("build/")), *words[1:]]
    return None


def check_flags(where, words):
    """Every --flag of a command of camo is in its help."""
    subcommands = [w for w in words[1:] if re.fullmatch(r"[a-z][a-z-]+", w)][:3 if words[1] == "bench" else 1]
    text = subprocess.run([words[0], *subcommands, "--help"], capture_output=True, text=True, check=False).stdout
    for flag in (w.split("=")[0] for w in words if w.startswith("--")):
        if not re.search(rf"{re.escape(re.sub('--stage[0-9]+-', '--', flag))}(?![\w-])", text):
            failures.append(f"{where}: camo {' '.join(subcommands)} has no flag {flag}")


def prepare(camo, folder):
    """What the words in capitals stand for."""
    def run(*words):
        subprocess.run([camo, *words], cwd=folder, check=True, capture_output=True)
    run("synth", "--out", "DIR", "--count", "12", "--size", "64")
    run("train", "--data", "DIR", "--out", "RUN", *SHORT)
    for name in ("RUN1", "RUN2", "RUN3"):
        shutil.copytree(folder / "RUN", folder / name)
    for name, source in (("MINE", "DIR"), ("CAMO", "DIR"), ("PHOTOGRAPHS", "DIR/Image"), ("MASKS", "DIR/GT"), ("MAPS", "DIR/GT")):
        shutil.copytree(folder / source, folder / name)
    shutil.copyfile(sorted((folder / "DIR/Image").iterdir())[0], folder / "photo.jpg")
    run("eval", "--pred", "MAPS", "--gt", "MASKS", "--out", "x.json", "--csv", "A1.csv")
    for name in ("A2.csv", "A3.csv", "B1.csv", "B2.csv", "B3.csv"):
        shutil.copyfile(folder / "A1.csv", folder / name)


def run_command(where, words, folder):
    if words[1:2] == ["train"]:
        words = words + (SIZED if "--size" in words else SHORT)
    if "--out" in words:  # from a command before
        before = folder / words[words.index("--out") + 1]
        shutil.rmtree(before, ignore_errors=True)
    count["run"] += 1
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=TIME, check=False)
    except subprocess.TimeoutExpired:
        failures.append(f"{where}: {' '.join(words)} has not ended after {TIME} s")
        return
    if done.returncode and done.returncode not in MAY_FAIL.get(words[1] if len(words) > 1 else "", ()):
        said = (done.stdout + done.stderr).splitlines()[-6:]
        failures.append(f"{where}: exit code {done.returncode} of {' '.join(words)}\n" + "".join(f"    {line}\n" for line in said))


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        made = pathlib.Path(name) / "made"
        made.mkdir()
        prepare(build / "camo", made)
        for file in sorted(f for f in ROOT.rglob("*.md") if not {"build", ".git"} & set(f.relative_to(ROOT).parts)):
            folder = pathlib.Path(name) / "-".join(file.relative_to(ROOT).parts)
            shutil.copytree(made, folder)
            for number, marked, commands in blocks(file):
                where = f"{file.relative_to(ROOT)}:{number}"
                for words in (words_of(c, build) for c in commands):
                    if words is None:
                        if not marked:
                            failures.append(f"{where}: is run by no test, and says no reason  [{MARK}... -->]")
                        continue
                    if pathlib.Path(words[0]).name == "camo":
                        check_flags(where, words)
                        count["read"] += 1
                    if not marked:
                        run_command(where, words, folder)
    print("\n".join(failures) if failures else f"{count['read']} commands of camo have the flags that they name; {count['run']} commands were run")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
