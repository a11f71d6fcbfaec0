"""Lists what is wrong with the names of a Python file, a line each; nothing is printed for a good one.

    python3 names.py FILE...

A name that the code reads must be defined in the file, imported, or Python's own; an import must be used.
"""

import ast
import builtins
import sys


def problems(path):
    with open(path) as file:
        tree = ast.parse(file.read(), path)
    defined, imported, read = set(dir(builtins)) | {"__file__", "__name__"}, set(), set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            defined.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            imported |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.arg):
            defined.add(node.arg)
        elif isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else defined).add(node.id)
    yield from (f"{path}: {name} is not defined" for name in sorted(read - defined - imported))
    yield from (f"{path}: {name} is imported and not used" for name in sorted(imported - read))


for path in sys.argv[1:]:
    for problem in problems(path):
        print(problem)
