"""`python -m tools <command>`: finds the command's module, and imports nothing else."""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
from pathlib import Path

from tools.header import LessonError

FOLDER = Path(__file__).parent


def commands(folder: Path = FOLDER) -> dict[str, str]:
    """Name and one line of each module that defines `add_arguments` and `main`, read without importing it."""
    found = {}
    for path in sorted([*folder.glob("*.py"), *folder.glob("*/__init__.py")]):
        name = path.parent.name if path.name == "__init__.py" else path.stem
        if name.startswith("_"):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except SyntaxError:
            continue  # someone is in the middle of writing it: that must not stop the other commands
        defined = {getattr(node, "name", "") for node in tree.body} | _imported(tree)
        if {"add_arguments", "main"} <= defined:
            found[name] = (ast.get_docstring(tree) or "").split("\n")[0]
    return found


def _imported(tree: ast.Module) -> set[str]:
    """Names that a package's __init__ takes from its modules."""
    return {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def usage(known: dict[str, str]) -> str:
    """What `python -m tools --help` prints."""
    lines = [f"  {name:<10} {text}" for name, text in known.items()]
    return "\n".join(
        [
            "usage: python -m tools <command> [options]",
            "",
            "commands:",
            *lines,
            "",
            "python -m tools <command> --help says more.",
        ]
    )


def main(argv: list[str]) -> int:
    """Dispatch to a command; its exit code is ours."""
    known = commands()
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage(known))
        return 0
    name, rest = argv[0], argv[1:]
    if name not in known:
        print(f"no command {name!r}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    try:
        module = importlib.import_module(f"tools.{name}")
        parser = argparse.ArgumentParser(prog=f"python -m tools {name}", description=module.__doc__)
        module.add_arguments(parser)
        return int(module.main(parser.parse_args(rest)) or 0)
    except LessonError as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if (error.name or "tools").split(".")[0] in ("tools", "utils", "exercises"):
            raise
        print(f"tools {name} needs the package {error.name!r}: install requirements-dev.txt", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
