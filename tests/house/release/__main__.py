"""Says whether this working copy can be released, and what remains to be done by hand.

Exit code 0: it can. 1: it cannot, with one line for each reason.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import walletd
from tests.db.write_release import FOLDER, file_of_this_release
from tests.house.release.changelog import faults, obstacles
from tests.house.release.locks import ASKED, LOCKS, PYPROJECT, unmet
from tests.house.source import ROOT


def manual_steps() -> str:
    """Return what docs/releasing.md says under its heading about the steps that no program takes."""
    _, _, rest = (ROOT / "docs" / "releasing.md").read_text("utf-8").partition("\n## After the check\n")
    return rest.partition("\n## ")[0].strip()


def unwritten(folder: Path) -> list[str]:
    """Return a reason where the folder lacks what this release leaves in a database."""
    path = file_of_this_release(folder)
    return [] if path.exists() else [f"{path} is missing: run python -m tests.db.write_release"]


def _git(*words: str) -> list[str]:
    """Return the lines that git answers; raises CalledProcessError where this is no clone."""
    command = ["git", "-c", f"safe.directory={ROOT}", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.splitlines()


def _reasons(version: str) -> list[str]:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    reasons = faults(version, walletd.__version__, changelog)
    reasons += obstacles(version, changelog, today=datetime.now(UTC).date(), tags=_git("tag", "--list"))
    for lock in LOCKS:
        for line in unmet(ASKED[lock.stem], lock.read_text("utf-8")):
            reasons.append(f"requirements/{lock.name} does not meet {line}: make the locks anew.")
    reasons += unwritten(FOLDER)
    reasons += [f"not committed: {line}" for line in _git("status", "--porcelain")]
    return reasons


def main() -> int:
    """Print the reasons against a release, or the steps that remain; return the exit code."""
    version = PYPROJECT["project"]["version"]
    try:
        reasons = _reasons(version)
    except (OSError, subprocess.CalledProcessError) as error:
        reasons = [f"git must be able to say what is committed and tagged: {error}"]
    if reasons:
        sys.stderr.write("\n".join([f"walletd {version} cannot be released:", *reasons]) + "\n")
        return 1
    sys.stdout.write(f"walletd {version} can be released. What remains:\n\n{manual_steps()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
