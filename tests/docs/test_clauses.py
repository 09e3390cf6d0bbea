"""Clauses: what code, tests and pages quote stands in docs/spec, and nothing stands there that nobody quotes."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from tests.house.source import ROOT, texts, tracked_files

CLAUSE = r"(?:S[0-4]-\d{3}|[CDIJLRT]-\d{2}|D2\.\d(?:\.\d+)?|[AG]\d(?:\.\d)?|PK\d{1,2}|[BFHLNPRW]\d{1,2})"
# Apart: parts of addresses, of numbers and of other names.
QUOTE = re.compile(rf"(?<![\w.%/#'`!-])(?<!(?<!\"\")\"){CLAUSE}(?: to {CLAUSE})?(?![\w\"`-]|\.\d)")
PAGES = ("domain", "apple", "google", "reliability", "performance", "incentives", "api", "architecture", "libraries")
OTHER_FORMS = re.compile(
    rf"(?<![\w/])(?:{'|'.join(PAGES)})\.md`? \S"
    r"|\b(?:cases?|pitfalls?|findings?|bad inputs?) \d|(?<![\w.])2\.[234]\.\d+(?=[:,)])"
    rf"|{CLAUSE}(?:\.\.|-| to -)(?:{CLAUSE}|\d{{1,3}})(?![\w-])|\bspec/\w+(?:\.md)? {CLAUSE}"
)
NO_CLAUSE = {"G4", "A1"}
"""What looks like a clause and is none: the generation of Apple's intermediate, and a cell of a spreadsheet."""


def _expanded(quote: str) -> Iterator[str]:
    """Yield each clause that a quote or the first cell of a row stands for, `W8 to W14` among them."""
    first, _, last = quote.partition(" to ")
    yield first
    if last:
        prefix, start, end = first.rstrip("0123456789"), *(re.findall(r"\d+$", clause)[0] for clause in (first, last))
        assert last == f"{prefix}{end}", f"{quote} is no range"
        assert int(start) < int(end), f"{quote} is no range"
        yield from (f"{prefix}{number:0{len(start)}}" for number in range(int(start) + 1, int(end) + 1))


@functools.cache
def _clauses() -> tuple[str, ...]:
    """Return all clauses, as often as they stand in the tables of docs/spec."""
    pages = [path.read_text("utf-8") for path in sorted((ROOT / "docs" / "spec").glob("*.md")) if path.stem != "index"]
    cells = [cell for page in pages for cell in re.findall(r"^\| ([A-Z][^|]*) \|", page, re.MULTILINE)]
    return tuple(clause for cell in cells for part in cell.split(", ") for clause in _expanded(part))


@functools.cache
def _lines() -> tuple[tuple[str, str], ...]:
    """Return place and text of each line that may quote."""
    paths = tuple(path for path in tracked_files() if path.suffix in {".py", ".md"} and path.parent.name != "spec")
    return tuple(
        (f"{name}:{number}", line)
        for name, text in texts(paths)
        if name != "tests/docs/test_clauses.py"
        for number, line in enumerate(text.splitlines(), 1)
    )


def _quoted() -> Iterator[tuple[str, str]]:
    """Yield place and clause of each quote."""
    for place, line in _lines():
        for quote in QUOTE.findall(line):
            yield from ((place, clause) for clause in _expanded(quote) if clause not in NO_CLAUSE)


def test_every_quote_has_its_clause() -> None:
    """Whoever reads a quote finds under its identifier what it stands for."""
    known = set(_clauses())
    assert [f"{place} {clause}" for place, clause in _quoted() if clause not in known] == []


def test_every_clause_is_quoted() -> None:
    """A clause that nothing quotes grows stale, for nobody would notice."""
    quoted = {clause for _, clause in _quoted()}
    assert [clause for clause in _clauses() if clause not in quoted] == []


def test_every_clause_stands_once() -> None:
    """An identifier means one thing on all pages."""
    clauses = _clauses()
    assert sorted({clause for clause in clauses if clauses.count(clause) > 1}) == []


def test_quotes_have_one_form() -> None:
    """A quote is the identifier alone: no page before it, no chapter, no shortened range."""
    assert [f"{place} {found[0]}" for place, line in _lines() if (found := OTHER_FORMS.search(line))] == []
