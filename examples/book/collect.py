"""Puts the chapters where mkdocs looks for them: collect.py OUT

OUT/pages gets every Markdown file of the repository, and what they link to, at their places; OUT/mkdocs.yml is the file beside
this one with the list of pages.  Raises an error for a link that leads nowhere.
"""

import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
END = [ROOT / "examples/questions.md", ROOT / "examples/glossary.md"]  # behind the chapters
JQUERY = pathlib.Path("/usr/share/javascript/jquery/jquery.min.js")  # Debian's mkdocs 1.4.2 asks for it by another name


def order(file):
    """Chapters by their number."""
    return int(file.name.split("_")[0])


def title(file):
    return re.search(r"^# (.*)$", file.read_text(), re.M)[1]


def linked(file):
    """The files that a page links to or shows."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", file.read_text(), flags=re.S)
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) + re.findall(r'src="([^"]+)"', text):
        if re.match(r"[a-z]+:", link):
            continue
        target = (file.parent / link).resolve()
        if not target.exists():
            sys.exit(f"{file.relative_to(ROOT)}: a link to {link}, which is not there")
        if target.is_file():
            yield target


def main():
    out = pathlib.Path(sys.argv[1])
    pages = out / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    listed = [f for f in sorted(ROOT.rglob("*.md")) if not {"build", ".git", ".github"} & set(f.relative_to(ROOT).parts)]
    files = set(listed)
    for file in listed:
        files.update(linked(file))
    for file in files:
        to = pages / str(file.relative_to(ROOT)).removeprefix(".")  # mkdocs leaves out what begins with a dot
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
        if to.suffix == ".md":
            to.write_text(to.read_text().replace("](.github/", "](github/"))
    shutil.copyfile(HERE / "book.css", pages / "book.css")
    (pages / "js").mkdir()
    shutil.copyfile(HERE / "theme_extra.js", pages / "js/theme_extra.js")
    if JQUERY.exists():
        shutil.copyfile(JQUERY, pages / "js/jquery-3.6.0.min.js")

    listed += sorted(f for f in files if f.suffix == ".md" and f not in listed)
    chapters = sorted((f for f in listed if re.match(r"[0-9]+_", f.name)), key=order)
    rest = [f for f in listed if f not in chapters and f not in END and f.parent != ROOT]
    lines = ["nav:", "  - README.md", "  - The book:"]
    lines += [f"    - {f.relative_to(ROOT)}" for f in chapters + END]
    lines += ["  - The folders:"]
    lines += [f'    - "{title(f)}": {str(f.relative_to(ROOT)).removeprefix(".")}' for f in rest]
    (out / "mkdocs.yml").write_text((HERE / "mkdocs.yml").read_text() + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
