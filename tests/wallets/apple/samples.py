"""Faces, templates and a pass identity to build sample passes from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from walletd.domain.cards.kinds import FACE_VALUES
from walletd.domain.delivery.faces import Face, FaceValue, Percent, Phrase, StampRow
from walletd.domain.money import Money
from walletd.wallets import PassIdentity
from walletd.wallets.apple.pass_json import PassIssuer
from walletd.wallets.templates.templates import Color, Colors, Field, Source, Template

GOLDEN = Path(__file__).parents[2] / "golden" / "apple"
PASS_TEMPLATES = Path(__file__).parents[3] / "pass_templates"

IDENTITY = PassIdentity("k7xw2mq4zr5tbn3ydlcsvhfpae", "Zm9yLXRlc3RzLW9ubHktbm90LXNlY3JldC0xMjM0NTY", "prg_1")
ISSUER = PassIssuer("pass.demo.walletd", "DEMO00TEAM", "https://wallet.example/apple")

_VALUES: dict[str, FaceValue] = {
    "holder": "Zoë Müller-Ågren",
    "number": "7Q4M-K2XW-9RTB-H",
    "program": "Stammgäste",
    "merchant": "Bäckerei „Morgen“ & Söhne",
    "message": "–",
    "balance": 0,
    "reward_name": "Frühstück für zwei",
    "reward_price": 500,
    "missing": 500,
    "stamps": 3,
    "slots": 10,
    "rewards": 0,
    "rate": Percent(750),
    "turnover": Money(123456789, "EUR"),
    "tier": "Gold",
    "visits": 12,
    "visits_left": 7,
    "state": Phrase("coupon_available"),
    "locked": 20,
    "expiring": 30,
    "expires_on": datetime(2027, 1, 31, 17, 0, tzinfo=UTC),
    "member_until": datetime(2027, 1, 31, 17, 0, tzinfo=UTC),
    "other_rewards": "5 → Espresso",
}
_MONEY: dict[str, FaceValue] = {"cashback": Money(2010, "EUR"), "gift": Money(9007199254740991, "EUR")}


def a_face(kind: str, *, voided: bool = False, expires_at: datetime | None = None, **values: FaceValue) -> Face:
    """A card of one kind; keyword arguments replace its values."""
    shown = {name: _VALUES[name] for name in FACE_VALUES[kind]}
    if "balance" in shown:
        shown["balance"] = _MONEY.get(kind, 0)
    shown |= {
        name: Money(2010, "EUR")
        for name, value in shown.items()
        if FACE_VALUES[kind][name] == "money" and isinstance(value, int)
    }
    return Face(
        kind=kind,
        merchant_name="Bäckerei „Morgen“ & Söhne",
        program_name="Stammgäste",
        values={**shown, **values},
        barcode_message="7Q4MK2XW9RTBH",
        barcode_text="7Q4M-K2XW-9RTB-H",
        voided=voided,
        expires_at=expires_at,
        stamp_row=StampRow(3, 10) if kind == "stamp" else None,
    )


GOLDEN_FACES: dict[str, Face] = {
    **{kind: a_face(kind) for kind in FACE_VALUES},
    "coupon": a_face("coupon", expires_at=datetime(2026, 12, 31, 22, 59, 59, 123456, tzinfo=UTC)),
}
"""Kind → the face behind its golden pass.json."""


def a_field(key: str, kind_of_value: str = "text", **attributes: str | bool | None) -> Field:
    """A field that shows the face value of its own name."""
    return Field(key, Source(key, None, kind_of_value), **attributes)  # type: ignore[arg-type]  # names as in Field


def a_template(*fields: Field, kind: str = "loyalty", images: dict[str, bytes] | None = None) -> Template:
    """A small store card whose secondary fields are the given ones."""
    places: dict[str, tuple[Field, ...]] = dict.fromkeys(("header", "primary", "auxiliary", "back"), ())
    return Template(
        name="sample",
        kind=kind,
        style="storeCard",
        description="card_description",
        logo_text=Source("merchant", None, "text"),
        colors=Colors(Color(255, 255, 255), Color(20, 30, 40), Color(200, 200, 200)),
        barcode_format="QR",
        fields={**places, "secondary": fields or (a_field("holder"),)},
        default_language="en",
        languages={"en": {"card_description": "A card"}, "de": {"card_description": "Eine Karte"}},
        strings={
            "en.lproj/pass.strings": b'"card_description" = "A card";\n' * 20,
            "de.lproj/pass.strings": b'"card_description" = "Eine Karte";\n' * 20,
        },
        images=images or {"icon.png": b"icon", "icon@2x.png": b"icon of two", "logo.png": b"logo"},
        stamps=None,
        revision="00112233aabbccdd",
    )
