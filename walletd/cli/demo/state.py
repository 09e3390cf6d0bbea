"""What a demo remembers beside its database, so that the next start shows the same shop and the same phones."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

_FILE: Final = "demo.json"


@dataclass(slots=True)
class DemoState:
    """The API key, the authority of the demo certificates, and the cards on each phone by its name."""

    api_key: str = ""
    authority_pem: str = ""
    cards: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> DemoState | None:
        """Return what was kept in a folder, None where nothing was."""
        try:
            return cls(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def write(self, folder: Path) -> None:
        """Keep it, for our own eyes only."""
        path = folder / (_FILE + ".new")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            json.dump(asdict(self), handle)
        path.replace(folder / _FILE)
