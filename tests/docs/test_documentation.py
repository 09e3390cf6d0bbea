"""What the code knows and the documentation must tell."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import walletd
from tests.house.source import documentation
from walletd import settings
from walletd.domain.errors import WalletdError
from walletd.web.errors import STATUS


def _errors(kind: type[WalletdError] = WalletdError) -> Iterator[type[WalletdError]]:
    """Yield the whole tree of walletd's errors, wherever a module adds to it."""
    for module in pkgutil.walk_packages(walletd.__path__, "walletd."):
        # Alembic runs its own modules inside a migration; the demo knows nothing of walletd.
        # A `__main__` is a command that runs when it is imported.
        if not module.name.startswith(("walletd.db.migrations", "walletd.demo")) and "__main__" not in module.name:
            importlib.import_module(module.name)
    yield kind
    for below in kind.__subclasses__():
        if below.__module__.startswith("walletd."):
            yield from _errors(below)


def test_every_setting_is_documented() -> None:
    """Each WALLETD_ name that walletd reads stands in the documentation."""
    text = documentation()
    names = [described.name for described in settings.TABLE] + [settings.CONFIG_FILE]
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_no_setting_is_documented_that_does_not_exist() -> None:
    """Each WALLETD_ name in the documentation is one that walletd reads."""
    known = {described.name for described in settings.TABLE} | {settings.CONFIG_FILE}
    written = set(re.findall(r"\bWALLETD_[A-Z][A-Z_]*[A-Z]\b", documentation()))
    unknown = {name for name in written if name.removesuffix("_FILE") not in known and name not in known}
    assert {name for name in unknown if not name.startswith("WALLETD_TEST_")} == set()


def test_every_error_code_is_documented() -> None:
    """Each code that an answer can carry stands in the documentation."""
    text = documentation()
    assert sorted(error.code for error in _errors() if f"`{error.code}`" not in text) == []


def test_every_error_has_a_code_of_its_own() -> None:
    """A code names one error, so that a client can rely on it."""
    codes = [error.code for error in _errors()]
    assert sorted({code for code in codes if codes.count(code) > 1}) == []


def test_every_error_has_a_status_in_the_one_table() -> None:
    """No error gets its HTTP status by accident of inheritance."""
    assert [error.__name__ for error in _errors() if error not in STATUS] == []


def test_every_error_explains_itself() -> None:
    """The docstring of an error is the title that a client reads."""
    assert [error.__name__ for error in _errors() if not (error.__doc__ or "").strip()] == []
