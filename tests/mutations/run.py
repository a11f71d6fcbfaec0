"""Plants small defects one at a time and checks that a test notices each.

A suite is worth what it can catch.  defects.toml lists the defects: in `file` the text `was` becomes `now`, and then the
ctest entry `test` must fail with an output that has the words `case`, so that it names what broke.  A defect with `emulated`
is one of the CUDA kernels: its op test runs them in emulation.

    python3 tests/mutations/run.py --check          # each defect still fits the source, in a second; a test of the suite
    python3 tests/mutations/run.py [NAMES...]       # plants them, in build/mutations/source; 5 to 30 seconds each

Exit code 1 if a defect survives, does not fit or does not compile.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "mutations"
SOURCE = BUILD / "source"
TARGETS = ["camo_tests", "op_test", "camo_main"]


def defects():
    return tomllib.loads((ROOT / "tests/mutations/defects.toml").read_text())["defect"]


def problem(defect):
    """Why a defect does not fit the source, or ''."""
    count = (ROOT / defect["file"]).read_text().count(defect["was"])
    if count != 1:
        return f"{defect['file']} has its text {count} times, should have it once"
    if defect["was"] == defect["now"]:
        return "changes nothing"
    test = defect["test"]
    if test.startswith("op_"):
        return "" if (ROOT / f"tests/ops/{test[3:]}.cpp").exists() else f"there is no test {test}"
    folder, _, name = test.partition("_")
    files = [f for f in (ROOT / "tests" / folder / (name + ending) for ending in (".cpp", ".py")) if f.exists()]
    if not files:
        return f"there is no test {test}"
    return "" if defect["case"] in files[0].read_text() else f"{files[0].relative_to(ROOT)} has no '{defect['case']}'"


def check(all_defects):
    bad = [(d["name"], problem(d)) for d in all_defects if problem(d)]
    names = [d["name"] for d in all_defects]
    bad += [(name, "is there twice") for name in set(names) if names.count(name) > 1]
    for name, words in bad:
        print(f"{name}: {words}")
    print(f"{len(names)} defects, {len(bad)} do not fit")
    return bool(bad)


def copy_sources():
    """Brings the copy up to date; files that are equal keep their time, so nothing is built for them."""
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True).stdout.split(b"\0")
    for name in map(os.fsdecode, filter(None, listed)):
        if (ROOT / name).is_file():
            put(name, (ROOT / name).read_bytes(), (ROOT / name).stat().st_mode)


def put(name, content, mode=None):
    to = SOURCE / name
    if to.exists() and to.read_bytes() == content:
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(content)
    if mode:
        to.chmod(mode)


def configure(emulated):
    flags = ["-DCAMO_CUDA=emulate", "-DCMAKE_BUILD_TYPE=Emulated", "-DCAMO_UNITY=on"] if emulated else []
    subprocess.run(["cmake", "-S", SOURCE, "-B", tree(emulated), "-G", "Ninja", *flags], check=True, capture_output=True)


def tree(emulated):
    return BUILD / ("emulated" if emulated else "tree")


def build(emulated):
    targets = ["op_test"] if emulated else TARGETS
    done = subprocess.run(["cmake", "--build", tree(emulated), "--target", *targets], capture_output=True, text=True)
    return done.returncode == 0, done.stdout


def run_test(defect):
    """(passed, output)"""
    if defect.get("emulated"):
        words = [tree(True) / "tests/op_test", defect["test"].removeprefix("op_"), "--only", "cuda"]
    else:
        words = ["ctest", "--test-dir", tree(False), "-R", f"^{defect['test']}$", "--timeout", "600", "--output-on-failure"]
    done = subprocess.run(words, capture_output=True, text=True)
    return done.returncode == 0 or "No tests were found" in done.stdout, done.stdout + done.stderr


def verdict(defect):
    text = (SOURCE / defect["file"]).read_text()  # the copy, so that nobody's editing comes between
    put(defect["file"], text.replace(defect["was"], defect["now"]).encode())
    try:
        built, output = build(defect.get("emulated"))
        if not built:
            return "DOES NOT COMPILE\n" + output[-400:]
        passed, output = run_test(defect)
        if passed:
            return "SURVIVED"
        return "killed" if defect["case"] in output else f"FAILED WITHOUT NAMING IT: {output[-600:]}"
    finally:
        put(defect["file"], text.encode())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    all_defects = defects()
    if options.check:
        return check(all_defects)
    chosen = [d for d in all_defects if not options.names or d["name"] in options.names]
    if check(chosen):
        return 1
    copy_sources()
    for emulated in sorted({bool(d.get("emulated")) for d in chosen}):
        configure(emulated)
        built, output = build(emulated)
        if not built:
            sys.exit("without any defect: does not compile\n" + output[-3000:])
    killed = 0
    for defect in chosen:
        start = time.perf_counter()
        result = verdict(defect)
        killed += result == "killed"
        print(f"{result:<10} {defect['name']:<44} {defect['test']:<28} {time.perf_counter() - start:5.0f} s", flush=True)
    print(f"{killed} of {len(chosen)} defects killed")
    return killed != len(chosen)


if __name__ == "__main__":
    sys.exit(main())
