"""Writes the golden pass.json of each kind anew: `python -m tests.wallets.apple.write_golden`.

Run it after a template or a rule of pass.json changed on purpose, and read the difference before committing it.
"""

from __future__ import annotations

from tests.wallets.apple.samples import GOLDEN, GOLDEN_FACES, IDENTITY, ISSUER, PASS_TEMPLATES
from walletd.wallets.apple.pass_json import pass_json
from walletd.wallets.templates.templates import read_templates


def main() -> None:
    """Write one file per kind."""
    templates = read_templates(PASS_TEMPLATES)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for kind, face in GOLDEN_FACES.items():
        (GOLDEN / f"{kind}.pass.json").write_bytes(pass_json(templates[kind], face, IDENTITY, ISSUER) + b"\n")


if __name__ == "__main__":
    main()
