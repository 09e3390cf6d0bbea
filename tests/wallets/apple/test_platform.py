"""Tests of Apple Wallet behind the port: what services see of it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from tests.wallets.apple.samples import IDENTITY, PASS_TEMPLATES, a_face, a_field, a_template
from walletd.domain.delivery.faces import Face, StampRow
from walletd.domain.errors import CertificateInvalid, ConfigurationRefused, SigningUnavailable, TemplateInvalid
from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.wallets import PassIdentity, WalletPlatform
from walletd.wallets.apple import platform as apple_platform
from walletd.wallets.apple.bundle import Parts, prepare
from walletd.wallets.apple.certificates import PassCredentials, make_demo_credentials
from walletd.wallets.apple.platform import ApplePlatform
from walletd.wallets.templates.templates import Template, read_template

_MERCHANT = "mer_1"
_URL = "https://wallet.example/apple"
_ADDRESS = hashlib.sha256(_URL.encode()).hexdigest()[:8]


def _platform(now: datetime, *templates: Template, allow_demo: bool = True, url: str = _URL) -> ApplePlatform:
    return ApplePlatform(
        templates={template.name: template for template in templates or (a_template(),)},
        web_service_url=url,
        apns_url="https://127.0.0.1:9",
        apns_ca_file=None,
        allow_demo=allow_demo,
        clock=lambda: now,
    )


@pytest.fixture
def platform(credentials: PassCredentials, now: datetime) -> ApplePlatform:
    """A platform that signs for one merchant with the sample template."""
    made = _platform(now)
    made.configure(_MERCHANT, credentials.to_bytes())
    return made


@pytest.fixture(scope="module")
def stamp_template() -> Template:
    """The stamp card that is shipped."""
    return read_template(PASS_TEMPLATES / "stamp")


def _stamped(filled: int) -> Face:
    return replace(a_face("stamp"), stamp_row=StampRow(filled, 10))


def _members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_platform_is_what_the_port_asks_for(platform: ApplePlatform) -> None:
    """Services use it through the port alone."""
    port: WalletPlatform = platform

    assert (port.name, port.is_configured(_MERCHANT), port.topic(_MERCHANT)) == ("apple", True, "pass.demo.walletd")


def test_stored_document_becomes_the_file_for_the_phone(platform: ApplePlatform, now: datetime) -> None:
    """What was rendered is what the archive holds, for the merchant's pass type and team."""
    rendered = platform.render(_MERCHANT, "sample", IDENTITY, a_face("loyalty"))

    members = _members(platform.package(_MERCHANT, rendered.document, rendered.parts, now))

    content = json.loads(members["pass.json"])
    assert members["pass.json"] == rendered.document
    assert (content["passTypeIdentifier"], content["teamIdentifier"]) == ("pass.demo.walletd", "DEMO00TEAM")
    assert content["webServiceURL"] == "https://wallet.example/apple"


def test_content_hash_is_equal_exactly_for_equal_passes(platform: ApplePlatform) -> None:
    """The same face gives the same hash again, another balance another (W17)."""
    hashes = [
        platform.render(_MERCHANT, "sample", IDENTITY, a_face("loyalty", holder=holder)).content_hash
        for holder in ("Ann", "Ben", "Ann")
    ]

    assert hashes[0] == hashes[2] != hashes[1]


def test_new_certificate_for_the_same_pass_type_changes_no_pass(platform: ApplePlatform, now: datetime) -> None:
    """After a rotation nothing has to be pushed: manifests are the same."""
    before = platform.render(_MERCHANT, "sample", IDENTITY, a_face("loyalty"))
    platform.configure(_MERCHANT, make_demo_credentials(now).to_bytes())

    assert platform.render(_MERCHANT, "sample", IDENTITY, a_face("loyalty")) == before


def test_many_threads_render_what_one_does(platform: ApplePlatform, now: datetime) -> None:
    """Nothing of one card gets into another, however many are made at once (PK10)."""
    cards = [
        (PassIdentity(f"serial-{n:020}", f"token-{n:020}", "prg_1"), a_face("loyalty", holder=f"H{n}"))
        for n in range(60)
    ]

    def make(card: tuple[PassIdentity, Face]) -> bytes:
        rendered = platform.render(_MERCHANT, "sample", *card)
        return platform.package(_MERCHANT, rendered.document, rendered.parts, now)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(make, cards)) == [make(card) for card in cards]


def test_parts_change_with_the_templates_revision(now: datetime) -> None:
    """A changed template shows in the name of the parts, so that cards are published anew."""
    old, new = _platform(now), _platform(now, replace(a_template(), revision="ffff"))

    assert old.parts("sample", a_face("loyalty")) == f"sample/00112233aabbccdd.{_ADDRESS}/-"
    assert new.parts("sample", a_face("loyalty")) == f"sample/ffff.{_ADDRESS}/-"


def test_parts_change_with_the_web_service_url(now: datetime) -> None:
    """A server that moved shows in the name of the parts, so that every phone learns the new address."""
    moved = _platform(now, url="https://moved.example/apple")
    before = _platform(now).parts("sample", a_face("loyalty"))

    assert moved.parts("sample", a_face("loyalty")) != before
    assert not moved.is_current(before)


@pytest.mark.parametrize(
    ("parts", "current"),
    [
        (f"sample/00112233aabbccdd.{_ADDRESS}/-", True),
        (f"sample/ffff.{_ADDRESS}/-", False),
        ("sample/00112233aabbccdd.00000000/-", False),
        (f"removed/00112233aabbccdd.{_ADDRESS}/-", False),
        ("", False),
    ],
)
def test_stored_parts_tell_whether_their_template_is_the_present_one(
    platform: ApplePlatform, parts: str, *, current: bool
) -> None:
    """Parts of a changed or removed template are not current, so that their cards are published anew."""
    assert platform.is_current(parts) is current


def test_pass_of_a_former_template_revision_is_still_packaged(platform: ApplePlatform, now: datetime) -> None:
    """A phone that asks before the card was published anew gets a valid pass with the present files."""
    rendered = platform.render(_MERCHANT, "sample", IDENTITY, a_face("loyalty"))

    archive = platform.package(_MERCHANT, rendered.document, "sample/0000/-", now)

    assert archive == platform.package(_MERCHANT, rendered.document, rendered.parts, now)


def test_stamp_card_has_the_strip_of_its_stamps(
    stamp_template: Template, credentials: PassCredentials, now: datetime
) -> None:
    """Three and four stamps are two variants with two strips, and every scale of the strip is there."""
    platform = _platform(now, stamp_template)
    platform.configure(_MERCHANT, credentials.to_bytes())

    three, four = (platform.render(_MERCHANT, "stamp", IDENTITY, _stamped(filled)) for filled in (3, 4))

    assert three.parts.endswith("/stamps-3-10")
    assert three.content_hash != four.content_hash
    strips = [
        _members(platform.package(_MERCHANT, rendered.document, rendered.parts, now)) for rendered in (three, four)
    ]
    for name in ("strip.png", "strip@2x.png", "strip@3x.png"):
        assert strips[0][name] != strips[1][name]


def test_prepared_parts_take_bounded_memory() -> None:
    """When variants take too many bytes, the one longest unused is prepared again when it is asked for."""
    made: list[str] = []
    cache = apple_platform._PartsCache(2500)

    def make(name: str) -> Parts:
        made.append(name)
        return prepare({"icon.png": bytes(1000)})

    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, partial(make, name))

    assert made == ["a", "b", "c", "b"]
    assert cache._bytes <= 2500


def test_demo_credentials_are_refused_in_production(credentials: PassCredentials, now: datetime) -> None:
    """No customer gets a pass that no iPhone takes."""
    with pytest.raises(CertificateInvalid, match="demo"):
        _platform(now, allow_demo=False).configure(_MERCHANT, credentials.to_bytes())


def test_key_of_another_certificate_is_refused(credentials: PassCredentials, now: datetime) -> None:
    """Credentials that cannot work are refused when they are configured, with the cure."""
    mixed = replace(credentials, key=make_demo_credentials(now).key)

    with pytest.raises(CertificateInvalid, match="export both together"):
        _platform(now).configure(_MERCHANT, mixed.to_bytes())


async def test_expired_credentials_keep_the_topic_but_sign_and_push_nothing(
    credentials: PassCredentials, now: datetime
) -> None:
    """After the certificate's end registrations go on, signing says no, and the channel pauses (P15, B29)."""
    later = now + timedelta(days=500)
    platform = _platform(later)
    platform.configure(_MERCHANT, credentials.to_bytes())
    rendered = platform.render(_MERCHANT, "sample", IDENTITY, a_face("loyalty"))

    outcomes = await platform.deliver(_MERCHANT, ["ab" * 32])

    assert platform.topic(_MERCHANT) == "pass.demo.walletd"
    assert outcomes == [Attempt(Verdict.CHANNEL_FAILED, "CertificateExpired")]
    with pytest.raises(SigningUnavailable):
        platform.package(_MERCHANT, rendered.document, rendered.parts, later)


async def test_unreachable_apns_is_tried_again(platform: ApplePlatform) -> None:
    """Nobody listens at the address of APNs here: each target is to be tried again."""
    (outcome,) = await platform.deliver(_MERCHANT, ["ab" * 32])

    await platform.close()
    assert outcome.verdict is Verdict.RETRY


async def test_replaced_client_is_closed_by_the_next_delivery(platform: ApplePlatform, now: datetime) -> None:
    """Loading a new certificate leaves no connection with the old one behind."""
    platform.configure(_MERCHANT, make_demo_credentials(now).to_bytes())
    assert len(platform._retired) == 1

    await platform.deliver(_MERCHANT, [])

    assert platform._retired == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda platform: platform.topic("mer_2"),
        lambda platform: platform.render("mer_2", "sample", IDENTITY, a_face("loyalty")),
        lambda platform: platform.package("mer_2", b"{}", "sample/00112233aabbccdd/-", datetime.now().astimezone()),
        lambda platform: asyncio.run(platform.deliver("mer_2", ["ab" * 32])),
    ],
    ids=["topic", "render", "package", "deliver"],
)
def test_merchant_without_certificate_gets_a_clear_no(
    platform: ApplePlatform, ask: Callable[[ApplePlatform], object]
) -> None:
    """Everything that needs a certificate says that there is none."""
    with pytest.raises(SigningUnavailable, match="No pass certificate"):
        ask(platform)


def test_unknown_template_is_refused(platform: ApplePlatform) -> None:
    """A program whose template was removed says so."""
    with pytest.raises(TemplateInvalid, match="missing"):
        platform.parts("missing", a_face("loyalty"))


def test_template_that_makes_bad_passes_is_found_at_its_first_pass(credentials: PassCredentials, now: datetime) -> None:
    """Two fields of one key are refused before anything is signed."""
    platform = _platform(now, a_template(a_field("holder"), a_field("holder")))
    platform.configure(_MERCHANT, credentials.to_bytes())

    with pytest.raises(TemplateInvalid, match="occurs twice"):
        platform.render(_MERCHANT, "sample", IDENTITY, a_face("loyalty"))


def test_findings_are_for_doctor(platform: ApplePlatform, credentials: PassCredentials, now: datetime) -> None:
    """Doctor sees every check, the coming end of the certificate, and merchants without one."""
    soon = credentials.not_valid_after - timedelta(days=10)

    assert not [finding for finding in platform.findings(_MERCHANT, now) if finding.level == "failure"]
    assert [f.name for f in platform.findings(_MERCHANT, soon) if f.level == "warning"] == ["validity", "kind"]
    assert [finding.level for finding in platform.findings("mer_2", now)] == ["failure"]


@pytest.mark.parametrize(
    "url", ["https://x.example/", "https://x.example/apple/v1", "http://x.example/apple", "x.example/apple"]
)
def test_web_service_url_that_phones_misread_is_refused(now: datetime, url: str) -> None:
    """A slash at the end, /v1, or an address without TLS is refused at start (A1.4)."""
    with pytest.raises(ConfigurationRefused):
        ApplePlatform(
            templates={},
            web_service_url=url,
            apns_url="https://127.0.0.1:9",
            apns_ca_file=None,
            allow_demo=False,
            clock=lambda: now,
        )
