"""The templates of the pages, with their texts in one language."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from walletd.texts.catalogues import translations

_FOLDER: Final = Path(__file__).parents[1] / "templates"


def template_in(language: str, name: str) -> Template:
    """Return a template whose texts, `_("…", name=value)`, are those of a language that walletd speaks.

    A text is taken for markup, and the values in it are escaped. So only literal texts go through `_`, never a value.
    """
    return _environment_in(language).get_template(name)


@cache
def _environment_in(language: str) -> Environment:
    # One for each language, so that macros have their texts also where a template imports them without its context.
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    return environment
