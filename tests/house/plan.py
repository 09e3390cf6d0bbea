"""The plan of the house, counted: files per folder, imports between the areas of each floor, circles.

`python -m tests.house.plan` prints it; the figures in docs/architecture.md come from there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
from grimp import ImportGraph

from tests.house.source import modules

FLOORS = ("domain", "db", "services", "web", "web.api", "cli", "demo", "wallets")
"""The floors that are cut into areas."""


def files_per_folder() -> dict[str, int]:
    """Return how many Python files lie in each folder, beside the `__init__`."""
    counted: dict[str, int] = {}
    for module in modules():
        if module.path.name != "__init__.py":
            folder = Path(module.name).parent.as_posix()
            counted[folder] = counted.get(folder, 0) + 1
    return counted


def imports_between(graph: ImportGraph, floor: str) -> dict[str, dict[str, int]]:
    """Return, for each child of a floor, how often its files import files of each other child."""
    children = sorted(graph.find_children(f"walletd.{floor}"))
    inside = {child: {child, *graph.find_descendants(child)} for child in children}
    return {
        _name(child): {
            _name(other): count
            for other in children
            if other != child
            and (count := sum(len(graph.find_modules_directly_imported_by(file) & inside[other]) for file in files))
        }
        for child, files in inside.items()
    }


def circles(imports: dict[str, dict[str, int]]) -> list[tuple[str, ...]]:
    """Return the groups of areas of which each reaches each other one."""
    reach = {area: _reachable(imports, area) for area in imports}
    groups = {tuple(sorted({area} | {other for other in reach[area] if area in reach[other]})) for area in imports}
    return sorted(group for group in groups if len(group) > 1)


def _reachable(imports: dict[str, dict[str, int]], area: str) -> set[str]:
    found: set[str] = set()
    waiting = [area]
    while waiting:
        new = set(imports[waiting.pop()]) - found
        found |= new
        waiting += new
    return found


def _name(module: str) -> str:
    return module.rpartition(".")[2]


def lines() -> Iterator[str]:
    """Yield the plan as text."""
    counted = files_per_folder()
    for root in ("walletd", "tests", "bench"):
        folders = {folder: count for folder, count in counted.items() if folder.split("/", maxsplit=1)[0] == root}
        largest = max(folders, key=lambda folder: folders[folder])
        yield f"{root}: {sum(folders.values())} files in {len(folders)} folders, at most {folders[largest]} ({largest})"
    graph = grimp.build_graph("walletd")
    for floor in FLOORS:
        imports = imports_between(graph, floor)
        total = sum(sum(row.values()) for row in imports.values())
        yield f"\n{floor}: {total} imports between its {len(imports)} parts, {len(circles(imports))} circles"
        for area, row in imports.items():
            if row:
                yield f"  {area:20} → {', '.join(f'{other} {count}' for other, count in sorted(row.items()))}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
