"""The files of a template's folder: all of them, bounded, and none that a pass would not know."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from walletd.domain.errors import TemplateInvalid
from walletd.wallets.templates.text import LANGUAGE_FORM

LANGUAGE_FOLDER = ".lproj"
"""How the name of a language's folder ends."""

_MOST_FILES = 100
_MOST_BYTES_PER_FILE = 1_000_000
_MOST_BYTES = 5_000_000
"""A pass should stay well below 10 MB (PK16)."""


def read_files(folder: Path) -> dict[str, bytes]:
    """Return archive path → content of each file of a template; refuses what no template has."""
    if not folder.is_dir():
        raise TemplateInvalid("There is no such folder.", path=str(folder))
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise TemplateInvalid("A template holds plain files only, no links; copy the file.", path=str(path))
        if path.is_dir():
            _check_language_folder(name, str(path))
            continue
        if len(files) == _MOST_FILES:
            raise TemplateInvalid(f"A template has at most {_MOST_FILES} files.", path=str(folder))
        files[name] = _read_bounded(path)
    if sum(map(len, files.values())) > _MOST_BYTES:
        raise TemplateInvalid(f"The files are larger than {_MOST_BYTES:,} bytes together.", path=str(folder))
    return files


def _check_language_folder(name: str, path: str) -> None:
    if "/" in name or not name.endswith(LANGUAGE_FOLDER):
        raise TemplateInvalid("A template has no folders but those of languages, such as en.lproj.", path=path)
    if not LANGUAGE_FORM.fullmatch(name.removesuffix(LANGUAGE_FOLDER)):
        raise TemplateInvalid("Write language, script and region like en, zh-Hans or pt-BR: case matters.", path=path)


def _read_bounded(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES_PER_FILE + 1)
    except OSError as error:
        raise TemplateInvalid(f"The file cannot be read ({error.strerror}).", path=str(path)) from error
    if len(content) > _MOST_BYTES_PER_FILE:
        raise TemplateInvalid(f"The file is larger than {_MOST_BYTES_PER_FILE:,} bytes.", path=str(path))
    return content


def revision_of(files: Mapping[str, bytes]) -> str:
    """Return the first 16 hex digits of the SHA-256 over all names and contents."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
