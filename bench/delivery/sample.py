"""The pass that all signing is measured with: the shipped loyalty template, 14 members, about 150 kB of images."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from walletd.bootstrap import utc_now
from walletd.domain.delivery.faces import Face
from walletd.settings import load
from walletd.wallets import PassIdentity
from walletd.wallets.apple.credentials import PassCredentials
from walletd.wallets.apple.demo_credentials import make_demo_credentials
from walletd.wallets.apple.platform import ApplePlatform
from walletd.wallets.templates.templates import Template, read_templates

MERCHANT: Final = "mer_bench"
TEMPLATE: Final = "loyalty"
IDENTITY: Final = PassIdentity("k7xw2mq4zr5tbn3ydlcsvhfpae", "Zm9yLWJlbmNoLW9ubHktbm90LXNlY3JldC0xMjM0NTY", "prg_1")


@dataclass(frozen=True, slots=True)
class Sample:
    """One merchant's platform, ready to make passes."""

    platform: ApplePlatform
    credentials: PassCredentials
    template: Template

    def document(self) -> tuple[bytes, str]:
        """Return a rendered pass.json and the name of its parts."""
        rendered = self.platform.render(MERCHANT, TEMPLATE, IDENTITY, face(100))
        return rendered.document, rendered.parts

    def renderer(self) -> Callable[[], bytes]:
        """Return what renders, packages and signs one more card, each with another balance."""
        balances = itertools.count(1)

        def make() -> bytes:
            rendered = self.platform.render(MERCHANT, TEMPLATE, IDENTITY, face(next(balances)))
            return self.platform.package(MERCHANT, rendered.document, rendered.parts, utc_now())

        return make

    def packager(self) -> Callable[[], bytes]:
        """Return what packages and signs a rendered document once more."""
        document, parts = self.document()
        return lambda: self.platform.package(MERCHANT, document, parts, utc_now())


def make_sample() -> Sample:
    """Prepare the platform as bootstrap does, with fresh demo credentials."""
    templates = read_templates(load({}).templates_dir)
    credentials = make_demo_credentials(utc_now())
    platform = ApplePlatform(
        templates,
        web_service_url="https://bench.example/apple",
        apns_url="https://localhost",
        apns_ca_file=None,
        allow_demo=True,
        clock=utc_now,
    )
    platform.configure(MERCHANT, credentials.to_bytes())
    return Sample(platform, credentials, templates[TEMPLATE])


def face(balance: int) -> Face:
    """Return what a loyalty card with this balance shows."""
    return Face(
        kind="loyalty",
        merchant_name="Bäckerei „Morgen“ & Söhne",
        program_name="Stammgäste",
        values={
            "holder": "Zoë Müller-Ågren",
            "number": "7Q4M2KXW9RTBH5DFA",
            "program": "Stammgäste",
            "merchant": "Bäckerei „Morgen“ & Söhne",
            "balance": balance,
        },
        barcode_message="7Q4M2KXW9RTBH5DFA",
        barcode_text="7Q4M2KXW9RTBH5DFA",
        voided=False,
        expires_at=None,
        stamp_row=None,
    )
