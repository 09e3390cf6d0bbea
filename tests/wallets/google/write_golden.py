"""Writes the golden class and object of each kind anew: `python -m tests.wallets.google.write_golden`.

Run it after a template or a rule changed on purpose, and read the difference before committing it.
"""

from __future__ import annotations

import json

from tests.wallets.google.samples import FACES, GOLDEN, TEMPLATES, a_class, an_object


def main() -> None:
    """Write one file per kind."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for kind, face in FACES.items():
        template = TEMPLATES[kind]
        documents = {"class": a_class(template), "object": an_object(template, face)}
        text = json.dumps(documents, indent=1, ensure_ascii=False, sort_keys=True)
        (GOLDEN / f"{kind}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
