"""The repository as the house tests read it: its Python files, parsed, and everything that is kept in git."""

from __future__ import annotations

import ast
import functools
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FLOORS = ("walletd", "scheduler", "bench", "tests")
_LEFT_BEHIND = {".git", ".venv", "__pycache__", "build", "dist", "site"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Say where the file is, from the repository's root."""
        return self.path.relative_to(ROOT).as_posix()

    def functions(self) -> Iterator[Function]:
        """Yield every function and method, also nested ones."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def imported(self) -> Iterator[tuple[int, str]]:
        """Yield line and full name of everything that is imported."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@functools.cache
def modules(*below: str) -> tuple[Module, ...]:
    """Return all Python files, or those below some folders."""
    paths = (path for folder in below or _FLOORS for path in sorted((ROOT / folder).rglob("*.py")))
    return tuple(
        Module(path, text, ast.parse(text)) for path, text in ((path, path.read_text("utf-8")) for path in paths)
    )


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """Return every file that belongs to the repository; in an unpacked archive without git all but what runs leave."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        return tuple(ROOT / name for name in names if name and (ROOT / name).is_file())
    return tuple(
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not _LEFT_BEHIND & set(path.relative_to(ROOT).parts) and "_cache" not in str(path)
    )


def texts(paths: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    """Yield name and content of the files that are text."""
    for path in paths:
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def documentation() -> str:
    """Return everything that an operator or integrator is given to read, in one text."""
    return "\n".join(path.read_text("utf-8") for path in [*sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("*.md")])
