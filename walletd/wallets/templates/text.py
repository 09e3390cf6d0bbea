r"""Reading `pass.strings`: the one form that every wallet reads (L3, L4), and nothing else.

The form: UTF-8 without BOM, lines `"key" = "value";`, no comments, no empty lines, LF only; `"`, `\`, LF and CR inside
a text are escaped. Other readers lose a whole language over less, mostly without a word.
"""

from __future__ import annotations

import codecs
import re

from walletd.domain.errors import TemplateInvalid

KEY_FORM = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+")
"""Keys have an underscore, so that no name of a person or shop is ever taken for one and translated."""

LANGUAGE_FORM = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")
"""Language, script, region; case matters on the phone (L1)."""

_ENTRY = re.compile(r'"(?P<key>(?:[^"\\]|\\.)*)" = "(?P<text>(?:[^"\\]|\\["\\nr])*)";')
_ESCAPED = re.compile(r'\\(["\\nr])')
_UNESCAPED = {'"': '"', "\\": "\\", "n": "\n", "r": "\r"}
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def parse_strings(content: bytes, path: str) -> dict[str, str]:
    """Return key → text, unescaped, of a pass.strings file.

    Raises TemplateInvalid with `path` and the number of the line where anything departs from the form.
    """
    if content.startswith(_BOMS):
        raise TemplateInvalid("The file starts with a byte order mark; save it as UTF-8 without BOM.", path=path)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TemplateInvalid("The file is not UTF-8; save it in that encoding, without BOM.", path=path) from error
    if "\r" in text:
        raise TemplateInvalid("The file has Windows line ends (CR); save it with LF only.", path=path)
    if not text.endswith("\n"):
        raise TemplateInvalid("The last line has no line end; add one.", path=path)
    strings: dict[str, str] = {}
    for number, line in enumerate(text[:-1].split("\n"), start=1):
        key, value = _parse_line(line, f"{path}: line {number}")
        if key in strings:
            raise TemplateInvalid(f'The key "{key}" occurs twice; keep one.', path=f"{path}: line {number}")
        strings[key] = value
    return strings


def _parse_line(line: str, path: str) -> tuple[str, str]:
    if not line.strip():
        raise TemplateInvalid("The line is empty; remove it, for some wallets lose what follows.", path=path)
    if line.lstrip().startswith(("//", "/*")):
        raise TemplateInvalid("Comments are not understood by every wallet; remove the line.", path=path)
    entry = _ENTRY.fullmatch(line)
    if entry is None:
        raise TemplateInvalid(
            'The line must read "key" = "text"; with one blank around the equals sign, a semicolon at the end, '
            'and \\" \\\\ \\n \\r as the only escapes; typographic quotes need none.',
            path=path,
        )
    key = entry["key"]
    if not KEY_FORM.fullmatch(key):
        raise TemplateInvalid(
            f'The key "{key}" must be lower-case words joined by underscores, at least two, such as label_balance.',
            path=path,
        )
    text = _ESCAPED.sub(lambda match: _UNESCAPED[match[1]], entry["text"])
    if not all(part.isprintable() for part in re.split(r"[\r\n]", text)):
        raise TemplateInvalid("The text has control characters in it; remove them.", path=path)
    if not text.strip():
        raise TemplateInvalid("The text is empty; write one, or leave the label out of template.toml.", path=path)
    return key, text
