"""What the container image and the wheel promise; no container engine is needed to read it."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.source import ROOT

_INSTRUCTIONS = [
    tuple(line.split(maxsplit=1))
    for line in re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()
    if line and not line.startswith("#")
]
_LAST_STAGE = _INSTRUCTIONS[max(n for n, line in enumerate(_INSTRUCTIONS) if line[0] == "FROM") :]


def _values(instruction: str) -> list[str]:
    return [line[1] for line in _LAST_STAGE if line[0] == instruction]


def test_the_image_does_not_run_as_root() -> None:
    """The process has a user of its own, by number, so that an orchestrator can check it."""
    assert _values("USER") == ["10001:10001"]


def test_the_image_keeps_everything_in_one_volume() -> None:
    """All that must survive lies in /data, so the rest of the file system can be read-only."""
    assert _values("VOLUME") == ['["/data"]']
    assert "WALLETD_DATA_DIR=/data" in " ".join(_values("ENV"))


def test_the_image_asks_walletd_itself_for_its_health() -> None:
    """The health check needs no curl in the image."""
    assert [value.rpartition("CMD ")[2] for value in _values("HEALTHCHECK")] == ['["walletd", "healthcheck"]']


def test_the_image_takes_its_role_from_the_command() -> None:
    """The same image serves everything, or one role when the command says so."""
    assert _values("CMD") == ['["walletd", "serve"]']
    assert _values("ENTRYPOINT") == []


def test_the_image_installs_only_what_the_locks_name() -> None:
    """Every package from outside is checked by its hash."""
    installs = [
        part for line in _INSTRUCTIONS if line[0] == "RUN" for part in line[1].split("&&") if "pip install" in part
    ]
    assert installs
    assert [part for part in installs if "--require-hashes" not in part and "--no-index" not in part] == []


def test_the_image_is_built_without_secrets_and_tests() -> None:
    """Only what is named enters the build; everything else is ignored."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert allowed == {
        "LICENSE",
        "README.md",
        "pass_templates",
        "pyproject.toml",
        "requirements",
        "scheduler",
        "walletd",
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installable walletd, built from this working copy."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_an_installed_walletd_finds_its_templates(wheel: Path, tmp_path: Path) -> None:
    """The templates lie beside the package, where the settings look for them."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    script = (
        "import walletd.settings as s; print(s.__file__, *sorted(s.load({}).templates_dir.glob('*/template.toml')))"
    )
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {script}"]
    where, *templates = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert Path(where).is_relative_to(tmp_path)
    assert {Path(path).parent.name for path in templates} == {
        path.parent.name for path in (ROOT / "pass_templates").glob("*/template.toml")
    }
    assert templates


def test_an_installed_walletd_is_complete(wheel: Path) -> None:
    """Every file of the packages is in the wheel: migrations, pages, images and the mark of its types."""
    packed = set(zipfile.ZipFile(wheel).namelist())
    ours = {
        path.relative_to(ROOT).as_posix()
        for folder in ("walletd", "scheduler", "pass_templates")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours - packed == set()
