"""Each bench runs with tiny sizes and gives figures that can be read."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import BENCHES, main, run_apart
from bench.customers import soak_merges
from bench.delivery.peer import write_material
from bench.delivery.sample import make_sample
from bench.figures import Figure, table
from bench.rates import Scale
from bench.soak import Outcome

# The comparison with passkit-generator installs it, and tests talk to nobody.
_OURS = sorted(set(BENCHES) - {"peer"})
_LINE = re.compile(r".+: [\d .]+\S* .*to [\d .]+.* = ratio [\d.]+, to reach [≥≤] [\d.]+( \((below|above)\))?")


@pytest.mark.slow
@pytest.mark.parametrize("name", _OURS)
def test_a_bench_prints_its_ratio(name: str) -> None:
    """A bench with tiny sizes ends with figures, each with a limit and a ratio."""
    figures = run_apart(name, Scale(tiny=True))
    assert [figure.line() for figure in figures if not _LINE.fullmatch(figure.line())] == []
    assert all(figure.measured >= 0 and figure.limit > 0 for figure in figures)
    assert figures


def test_a_figure_below_its_goal_is_marked_and_nothing_more() -> None:
    """The table says `below` or `above`, and no goal that is met carries a mark."""
    slow = Figure("slow", 1.0, 10.0, "bare", 0.5)
    quick = Figure("quick", 9.0, 10.0, "bare", 0.5)
    late = Figure("late", 20.0, 15.0, "allowed", 1.0, "ms", at_most=True)
    assert [figure.is_reached for figure in (slow, quick, late)] == [False, True, False]
    lines = table([slow, quick, late]).splitlines()
    assert ["below" in line or "above" in line for line in lines[2:]] == [True, False, True]


def test_an_unknown_bench_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """`--only` names a bench that exists, or says which there are."""
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])
    assert "ledger-sqlite" in capsys.readouterr().err


def test_a_soak_is_good_only_if_nothing_is_lost_doubled_behind_or_unproved() -> None:
    """Each thing that may never happen spoils a run by itself, and the line says which."""
    good = Outcome("sqlite", 1000, 5, 7, 0, 0, 0, 0, 0, is_proved=True, megabytes=120.0)
    bad = [
        replace(good, lost=1),
        replace(good, doubled=1),
        replace(good, negative=1),
        replace(good, wrong=1),
        replace(good, behind=1),
        replace(good, is_proved=False),
    ]
    assert good.is_good
    assert [outcome.is_good for outcome in bad] == [False] * len(bad)
    assert good.line().endswith("lost 0, doubled 0, negative 0, wrong sums 0, devices behind 0")


def test_the_peer_is_given_the_same_pass(tmp_path: Path) -> None:
    """passkit-generator makes the pass of the sample: 12 members, to which it adds manifest and signature."""
    write_material(make_sample(), tmp_path)
    members = [path for path in (tmp_path / "pass").rglob("*") if path.is_file()]
    assert len(members) == 12
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_a_soak_of_merges_says_how_much_it_did_and_that_the_books_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """A few steps on each engine: so many were done, and every account was proved."""
    assert soak_merges.main(["--steps", "200"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["sqlite", "postgres"]
    assert all(re.search(r"\d+ steps of merging in .* entries hold", line) for line in lines)
