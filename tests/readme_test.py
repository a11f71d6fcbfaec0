"""The chapters say what is so: readme_test.py BUILD [--write]

In every Markdown file of the repository
  - a block of C++ follows a line <!-- FILE#NAME --> and equals the lines of FILE between // [NAME] and // [/NAME];
  - a block after <!-- output of PROGRAM: WORDS --> equals what BUILD/PROGRAM prints from the line that begins with WORDS to the next
    empty line;
  - a link, a picture, and a path in `code` lead to a file; and so does the name of an exercise, `chapter/NN`.
Prints each line that is wrong; exit code 1 if there is one.  --write first puts what is so into the blocks.
"""

import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = r"(?:h|cpp|cu|cuh|py|md|sh|svg|toml|cmake)"
wrong = []


def complain(file, number, words):
    wrong.append(f"{file.relative_to(ROOT)}:{number}: {words}")


def region(name):
    """The lines of FILE#NAME, without indentation; None if there are none."""
    path, _, anchor = name.partition("#")
    if not (ROOT / path).is_file():
        return None
    text = (ROOT / path).read_text()
    found = re.search(rf"^ *// \[{re.escape(anchor)}\]\n(.*?)^ *// \[/{re.escape(anchor)}\]$", text, re.M | re.S)
    return found and textwrap.dedent(found[1])


printed = {}


def output(build, program, start):
    """What a program prints from the line that begins with `start` to the next empty line."""
    if program not in printed:
        printed[program] = subprocess.run([build / program], capture_output=True, text=True, check=False).stdout
    lines = printed[program].splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith(start)), None)
    if begin is None:
        return None
    end = next((i for i in range(begin, len(lines)) if not lines[i].strip()), len(lines))
    return "\n".join(lines[begin:end]) + "\n"


def blocks(file):
    """(number of the line, language, the comment before it, text) of every fenced block."""
    lines = file.read_text().splitlines()
    i = 0
    while i < len(lines):
        if lines[i].startswith("```"):
            end = next(k for k in range(i + 1, len(lines)) if lines[k].startswith("```"))
            comment = re.fullmatch(r"<!-- (.*) -->", lines[i - 1]) if i else None
            yield i + 1, lines[i][3:], comment and comment[1], "".join(line + "\n" for line in lines[i + 1:end])
            i = end
        i += 1


def check_blocks(file, build):
    for number, language, comment, text in blocks(file):
        shown = re.fullmatch(r"output of (\w+): (.*)", comment or "")
        if shown:
            got = output(build, shown[1], shown[2])
            if got is None:
                complain(file, number, f"{shown[1]} prints no line that begins with '{shown[2]}'")
            elif got != text:
                complain(file, number, f"{shown[1]} prints\n{textwrap.indent(got, '    ')}")
        elif language == "cpp":
            if not comment or "#" not in comment:
                complain(file, number, "no <!-- FILE#NAME --> says which compiled lines these are")
            elif region(comment) is None:
                complain(file, number, f"there is no {comment}")
            elif region(comment) != text:
                complain(file, number, f"{comment} is\n{textwrap.indent(region(comment), '    ')}")


def write_blocks(file, build):
    """Puts into each block what its comment promises, where that exists."""
    text = file.read_text()
    for _, language, comment, old in blocks(file):
        shown = re.fullmatch(r"output of (\w+): (.*)", comment or "")
        new = output(build, shown[1], shown[2]) if shown else comment and language == "cpp" and region(comment)
        if new:
            head = f"<!-- {comment} -->\n```{language}\n"
            text = text.replace(head + old + "```", head + new + "```")
    file.write_text(text)


def outside_blocks(file):
    """(number, line) of every line that is in no fenced block."""
    inside = False
    for number, line in enumerate(file.read_text().splitlines(), 1):
        inside ^= line.startswith("```")
        if not inside:
            yield number, line


def check_paths(file):
    for number, line in outside_blocks(file):
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
            if not re.match(r"[a-z]+:", link) and not (file.parent / link).exists():
                complain(file, number, f"a link to {link}, which is not there")
        for path in re.findall(rf"`((?:[\w.-]+/)+[\w.-]+\.{FILES})(?:#\w+)?`", line):
            if re.search(r"(?<![A-Za-z])[A-Z]+(?![a-z])|^runs/", path):  # stands for many: ops/X.cpp; or is written by a command
                continue
            if not any((base / path).exists() for base in (ROOT, file.parent, ROOT / "examples", ROOT / "examples/camo")):
                complain(file, number, f"names {path}, which is not there")
        for chapter, task in re.findall(r"`([a-z]+)/([0-9]{2})`", line):
            for ending in (".cpp", "_solution.cpp"):
                if not (ROOT / f"examples/exercises/{chapter}/{task}{ending}").exists():
                    complain(file, number, f"there is no examples/exercises/{chapter}/{task}{ending}")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    listed = [f for f in ROOT.rglob("*.md") if not {"build", ".git"} & set(f.relative_to(ROOT).parts)]
    for file in sorted(listed):
        if "--write" in sys.argv:
            write_blocks(file, build)
        check_blocks(file, build)
        check_paths(file)
    chapters = "".join(f.read_text() for f in listed)
    for exercise in sorted((ROOT / "examples/exercises").glob("*/[0-9][0-9].cpp")):
        if f"`{exercise.parent.name}/{exercise.stem}`" not in chapters:
            complain(exercise, 1, "no chapter names this exercise")
    print("\n".join(wrong) if wrong else f"{len(listed)} files, all as they say")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
