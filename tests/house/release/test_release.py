"""The release check finds every disagreement, and finds none in the repository as it is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import walletd
from tests.db.write_release import file_of_this_release
from tests.house.release.__main__ import manual_steps, unwritten
from tests.house.release.changelog import faults, obstacles
from tests.house.release.locks import PYPROJECT, unmet
from tests.house.source import ROOT

_OLD = "## 0.1.0 - 2026-01-31\n\n- First.\n"
_NEW = "## 0.2.0 - 2026-02-28\n\n### Added\n\n- More.\n\n" + _OLD
_OPEN = "## Unreleased\n\n### Added\n\n- More.\n\n"
_TODAY = date(2026, 2, 28)


def test_version_and_changelog_of_the_repository_agree() -> None:
    """At every commit, between releases and at one."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert faults(PYPROJECT["project"]["version"], walletd.__version__, changelog) == []


@pytest.mark.parametrize(
    ("version", "changelog"), [("0.2.0", _NEW), ("0.1.0", _OPEN), ("0.2.0", _OPEN + _OLD), ("0.10.0", _OPEN + _NEW)]
)
def test_what_agrees_has_no_fault(version: str, changelog: str) -> None:
    """A release, work before the first one, and work after one under a higher version."""
    assert faults(version, version, changelog) == []


@pytest.mark.parametrize(
    ("project", "package", "changelog", "said"),
    [
        ("0.2.0", "0.1.0", _NEW, "walletd.__version__ says 0.1.0"),
        ("0.1.0", "0.2.0", _NEW, "pyproject.toml says 0.1.0"),
        ("0.1.0", "0.1.0", _NEW, "the newest section of CHANGELOG.md is '## 0.2.0 - 2026-02-28'"),
        ("0.3.0", "0.3.0", _NEW, "The version is 0.3.0"),
        ("0.2.0", "0.2.0", _OPEN + _NEW, "the version is still 0.2.0"),
        ("0.1.0", "0.1.0", _OPEN + _NEW, "the version is still 0.1.0"),
        ("0.2", "0.2", _NEW, "0.2 is no version"),
        ("0.2.0rc1", "0.2.0rc1", _NEW, "0.2.0rc1 is no version"),
        ("0.2.0", "0.2.0", "# Changelog\n", "has no section"),
        ("0.2.0", "0.2.0", "## 0.2.0\n\n- More.\n", "'## 0.2.0' is neither"),
        ("0.2.0", "0.2.0", "## 0.2.0 - 2026-02-30\n\n- More.\n", "is neither"),
        ("0.2.0", "0.2.0", "## unreleased\n\n- More.\n", "'## unreleased' is neither"),
        ("0.2.0", "0.2.0", "## Unreleased - 2026-02-28\n\n- More.\n", "is neither"),
        ("0.2.0", "0.2.0", "## 0.2.0 - 2026-02-28\n\n### Added\n", "'## 0.2.0 - 2026-02-28' has no entry"),
        ("0.2.0", "0.2.0", _NEW + _OPEN, "stands below another section"),
        ("0.3.0", "0.3.0", _OPEN + _OPEN + _OLD, "stands below another section"),
        ("0.1.0", "0.1.0", _OLD + _NEW, "0.1.0 stands above 0.2.0"),
        ("0.1.0", "0.1.0", _OLD + _OLD, "0.1.0 stands above 0.1.0"),
        ("0.2.0", "0.2.0", _NEW.replace("2026-02-28", "2026-01-30"), "0.2.0 stands above 0.1.0"),
    ],
)
def test_each_disagreement_is_said(project: str, package: str, changelog: str, said: str) -> None:
    """A version said differently, a section that is missing, unreadable, empty or in the wrong place."""
    assert [fault for fault in faults(project, package, changelog) if said in fault]


def test_a_section_of_today_without_a_tag_can_be_released() -> None:
    """Nothing stands in the way."""
    assert obstacles("0.2.0", _NEW, today=_TODAY, tags=["v0.1.0"]) == []


@pytest.mark.parametrize(
    ("version", "changelog", "today", "tags", "said"),
    [
        (
            "0.2.0",
            _OPEN + _OLD,
            _TODAY,
            ["v0.1.0"],
            "must begin with the section of this release: ## 0.2.0 - 2026-02-28",
        ),
        ("0.1.0", _OPEN, _TODAY, [], "must begin with the section of this release"),
        ("0.3.0", _NEW, _TODAY, [], "must begin with the section of this release"),
        ("0.2.0", "", _TODAY, [], "must begin with the section of this release"),
        ("0.2.0", _NEW, date(2026, 2, 27), [], "which is to come"),
        ("0.2.0", _NEW, _TODAY, ["v0.1.0", "v0.2.0"], "v0.2.0 is tagged already"),
    ],
)
def test_what_stands_in_the_way_of_a_release_is_said(
    version: str, changelog: str, today: date, tags: list[str], said: str
) -> None:
    """Work that is not released, a day to come, a version that is out."""
    assert [line for line in obstacles(version, changelog, today=today, tags=tags) if said in line]


def test_a_lock_that_does_not_fit_is_found() -> None:
    """A pin outside of the bounds, and a package that is not there even where any version would do."""
    asked = ["Good_Name>=1,<2", "old[extra]>=2", "absent", "below<3"]
    assert unmet(asked, "good-name==1.5 \\\n    --hash=sha256:0\nold==1.9 ; python_version < '4' \\\n") == asked[1:]


def test_a_release_whose_database_is_not_written_down_is_found(tmp_path: Path) -> None:
    """Upgrades to come are tested with what each schema that was released left."""
    missing = unwritten(tmp_path)
    file_of_this_release(tmp_path).touch()
    assert (len(missing), unwritten(tmp_path)) == (1, [])


def test_the_steps_that_remain_are_those_of_the_documentation() -> None:
    """Whoever runs the check is told to tag."""
    assert manual_steps().startswith("1. ")
    assert "git tag" in manual_steps()
