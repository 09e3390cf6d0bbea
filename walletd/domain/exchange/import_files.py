"""Files of customers to import: bytes become records of cells, each with the line it begins in (B38).

Whatever the file is, memory stays bounded: nothing longer than LINE_BYTES_MAX is ever held.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from walletd.domain.errors import Conflict, ValidationFailed

LINE_BYTES_MAX: Final = 65_536
"""The most that one record may take, over all its lines."""
CELL_MAX: Final = 4_096
_COLUMNS_MAX: Final = 200
_DELIMITERS: Final = ";,\t"
_SEPARATOR_LINE: Final = re.compile(r"sep=(.)", re.IGNORECASE)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class ImportFileInvalid(ValidationFailed):
    """The file cannot be read as CSV; `line` says where, and nothing of it was taken."""

    code = "import_file_invalid"


class ImportRefused(Conflict):
    """This import cannot be committed: it has errors, was committed before, or something changed since the dry run."""

    code = "import_refused"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the file; `line` is the first it stands in, from 1 on."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class FileForm:
    """How a file is written, found by reading it once."""

    sha256: str
    encoding: str
    """utf-8-sig or cp1252."""
    delimiter: str
    lines: int


def examine(file: BinaryIO) -> FileForm:
    """Read the whole file once and return how it is written; raises ImportFileInvalid."""
    digest, encoding, number, head = hashlib.sha256(), "utf-8-sig", 0, b""
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if number == 1 and line.startswith(_UTF16):
            raise _invalid(1, "shows a file in UTF-16; save it as »CSV UTF-8«")
        if len(line) > LINE_BYTES_MAX:
            raise _invalid(number, f"is longer than {LINE_BYTES_MAX} bytes")
        if b"\0" in line:
            raise _invalid(number, "holds a NUL; the file is damaged, or is no CSV in UTF-8 or Windows-1252")
        digest.update(line)
        head = head or line
        if encoding != "cp1252" and not _is_utf8(line):
            encoding = "cp1252"
    if number == 0 or not head.removeprefix(_BYTE_ORDER_MARK).strip():
        raise _invalid(1, "must name the columns")
    return FileForm(digest.hexdigest(), encoding, _separator(head) or _most_used(head, encoding), number)


def read_records(file: BinaryIO, form: FileForm) -> Iterator[Record]:
    """Yield the records of a file, the one with the names of the columns first; empty ones are left out.

    Raises ImportFileInvalid where a quote is never closed, or a record or cell is too long.
    """
    lines = _Lines(file, form.encoding)
    reader = csv.reader(lines, delimiter=form.delimiter, strict=True)
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _invalid(lines.began, f"cannot be read: {error}; look at the quotes") from error
        if len(cells) > _COLUMNS_MAX or any(len(cell) > CELL_MAX for cell in cells):
            raise _invalid(lines.began, f"has more than {_COLUMNS_MAX} cells, or one of more than {CELL_MAX} letters")
        names_delimiter = lines.began == 1 and _SEPARATOR_LINE.fullmatch(form.delimiter.join(cells))
        if any(cell.strip() for cell in cells) and not names_delimiter:
            yield Record(lines.began, cells)


class _Lines:
    """The lines of a file as text; counts what one record takes, so that an open quote ends soon."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._number = 0
        self._taken = 0
        self.began = 1

    def begin(self) -> None:
        """Begin a new record."""
        self.began, self._taken = self._number + 1, 0

    def __iter__(self) -> _Lines:
        """Return itself."""
        return self

    def __next__(self) -> str:
        """Return the next line; raises ImportFileInvalid."""
        line = self._file.readline(LINE_BYTES_MAX + 1)
        if not line:
            raise StopIteration
        self._number += 1
        self._taken += len(line)
        if self._taken > LINE_BYTES_MAX:
            raise _invalid(self.began, f"opens a quote that is not closed within {LINE_BYTES_MAX} bytes")
        try:
            return line.decode(self._encoding if self._number == 1 else self._encoding.removesuffix("-sig"))
        except UnicodeDecodeError as error:
            raise _invalid(self._number, "is neither UTF-8 nor Windows-1252") from error


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _separator(head: bytes) -> str | None:
    """Return the delimiter that Excel's own first line names, None without one."""
    match = _SEPARATOR_LINE.fullmatch(head.removeprefix(_BYTE_ORDER_MARK).decode("latin-1").strip("\r\n"))
    return match[1] if match is not None and match[1] in _DELIMITERS else None


def _most_used(head: bytes, encoding: str) -> str:
    text = head.decode(encoding, "replace")
    return max(_DELIMITERS, key=text.count) if any(mark in text for mark in _DELIMITERS) else ","


def _invalid(line: int, what: str) -> ImportFileInvalid:
    return ImportFileInvalid(f"Line {line} {what}.", line=line)
