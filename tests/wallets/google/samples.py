"""Classes and objects of one card of each kind, as walletd makes them for a demo shop."""

from __future__ import annotations

from pathlib import Path

from tests.wallets.apple.samples import GOLDEN_FACES, PASS_TEMPLATES, a_face
from walletd.domain.delivery.faces import Face
from walletd.domain.money import Money
from walletd.wallets import ProgramShown
from walletd.wallets.google.class_documents import Addresses, class_document
from walletd.wallets.google.names import RESOURCES, class_id, object_id
from walletd.wallets.google.object_documents import object_document
from walletd.wallets.google.texts import Json
from walletd.wallets.templates.templates import Template, read_templates

GOLDEN = Path(__file__).parents[2] / "golden" / "google"
ISSUER = "3388000000012345678"
PROGRAM = ProgramShown("prg_01KB3Z8V0N4T6W8Y0A2C4E6G8J", "Stammgäste", "Bäckerei „Morgen“ & Söhne")
ADDRESSES = Addresses(
    "https://wallet.example",
    "https://wallet.example/google/callback",
    lambda template, name: f"https://wallet.example/images/{template.name}/0123456789abcdef/{name}.png",
)
CLASS_ID = class_id(ISSUER, "demo", PROGRAM.program_id)
OBJECT_ID = object_id(ISSUER, "demo", "k7xw2mq4zr5tbn3ydlcsvhfpae")
FACES: dict[str, Face] = {**GOLDEN_FACES, "gift": a_face("gift", balance=Money(2010, "EUR"))}
TEMPLATES = read_templates(PASS_TEMPLATES)


def a_class(template: Template) -> Json:
    """The class of a template's program."""
    return class_document(template, CLASS_ID, PROGRAM, ADDRESSES)


def an_object(template: Template, face: Face) -> Json:
    """The object of a face."""
    return object_document(template, OBJECT_ID, CLASS_ID, face, ADDRESSES)


def schema_of(kind: str, what: str) -> str:
    """The schema of a kind's class or object: `GiftCardObject`."""
    resource = RESOURCES[kind]
    return f"{resource[0].upper()}{resource[1:]}{what}"
