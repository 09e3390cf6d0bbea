"""Apple Wallet behind the port: one platform for all merchants that have loaded a pass certificate.

A merchant's state is replaced as a whole when a certificate is; nothing that belongs to one card is kept at all.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from walletd.domain.checks import Check, CheckLevel
from walletd.domain.delivery.faces import Face, StampRow
from walletd.domain.errors import CertificateInvalid, ConfigurationRefused, SigningUnavailable, TemplateInvalid
from walletd.domain.outbox.attempts import Attempt
from walletd.wallets import PassIdentity, RenderedPass
from walletd.wallets.apple import bundle
from walletd.wallets.apple.checks import EXPIRY_CHECKS, examine, refuse_failures
from walletd.wallets.apple.credentials import PassCredentials
from walletd.wallets.apple.lint import check_pass_json
from walletd.wallets.apple.pass_json import PassIssuer, PassWriter
from walletd.wallets.apple.push import ApnsServer, PushClient
from walletd.wallets.apple.signing import Signer
from walletd.wallets.templates.artwork import draw_stamps
from walletd.wallets.templates.templates import Template

PARTS_BYTES_MAX = 64 * 1024 * 1024
"""How much memory prepared template parts may take; a stamp card has a variant for every count of stamps."""

_PLAIN = "-"


@dataclass(frozen=True, slots=True)
class _Merchant:
    given: bytes = field(repr=False)
    """The credentials as they came, so that the same ones are not proved again."""
    credentials: PassCredentials
    signer: Signer
    issuer: PassIssuer
    push: PushClient
    writers: dict[str, PassWriter] = field(default_factory=dict)


class ApplePlatform:
    """The port `WalletPlatform` for Apple; rendering and packaging may run in any thread, delivering in the loop."""

    name = "apple"

    def __init__(
        self,
        templates: Mapping[str, Template],
        web_service_url: str,
        apns_url: str,
        apns_ca_file: Path | None,
        allow_demo: bool,  # noqa: FBT001 - given by name; the port has no room for more positions
        clock: Callable[[], datetime],
    ) -> None:
        """Take what the installation fixes for all merchants; raises ConfigurationRefused.

        `web_service_url` stands in every pass: no slash at its end, no `/v1` (A1.4). `apns_ca_file` replaces
        the system's authorities. `allow_demo` admits demo certificates and a web service without TLS.
        """
        _check_web_service_url(web_service_url, allow_plain=allow_demo)
        self._templates = templates
        self._web_service_url = web_service_url
        self._address = hashlib.sha256(web_service_url.encode()).hexdigest()[:8]
        self._apns = ApnsServer.from_url(apns_url, apns_ca_file)
        self._allow_demo = allow_demo
        self._clock = clock
        self._merchants: dict[str, _Merchant] = {}
        self._retired: list[PushClient] = []
        self._parts = _PartsCache(PARTS_BYTES_MAX)

    def configure(self, merchant_id: str, credentials: bytes) -> None:
        """Take a merchant's credentials (`PassCredentials.to_bytes`), or replace them; raises CertificateInvalid.

        Expired credentials are taken all the same: registrations and lists go on with them, while signing and
        delivering say that they cannot (P15). `certificates.require_usable` refuses them at loading.
        """
        former = self._merchants.get(merchant_id)
        if former is not None and former.given == credentials:
            return
        opened = PassCredentials.from_bytes(credentials)
        if opened.demo and not self._allow_demo:
            raise CertificateInvalid(
                "This is a demo certificate, which no iPhone accepts. Load the certificate of your own Pass Type ID",
            )
        refuse_failures(examine(opened, self._clock()), forgiven=EXPIRY_CHECKS)
        issuer = PassIssuer(opened.pass_type_identifier, opened.team_identifier, self._web_service_url)
        push = PushClient(opened, self._apns, self._clock)
        self._merchants[merchant_id] = _Merchant(credentials, opened, Signer(opened), issuer, push)
        if former is not None:
            # Its connection belongs to the loop, which this call need not run in.
            self._retired.append(former.push)

    def is_configured(self, merchant_id: str) -> bool:
        """Say whether credentials for this merchant are loaded, be they expired."""
        return merchant_id in self._merchants

    def topic(self, merchant_id: str) -> str:
        """Return the merchant's pass type identifier; raises SigningUnavailable where none is configured."""
        return self._merchant(merchant_id).issuer.pass_type_identifier

    def parts(self, template: str, face: Face) -> str:
        """Name the parts for this face: `template/revision/variant`; raises TemplateInvalid."""
        blueprint = self._template(template)
        row = face.stamp_row
        variant = _PLAIN if row is None or blueprint.stamps is None else f"stamps-{row.filled}-{row.slots}"
        return f"{template}/{self._revision(blueprint)}/{variant}"

    def is_current(self, parts: str) -> bool:
        """Say whether named parts are those of the present template; false for names of any other form."""
        name, _, rest = parts.partition("/")
        template = self._templates.get(name)
        return template is not None and rest.partition("/")[0] == self._revision(template)

    def is_prepared(self, parts: str) -> bool:
        """Say whether `package` would find the parts in memory."""
        return self._parts.holds(parts)

    def prepare(self, parts: str) -> None:
        """Draw and compress named parts, unless they are in memory; raises TemplateInvalid."""
        self._prepared(parts)

    def render(self, merchant_id: str, template: str, identity: PassIdentity, face: Face) -> RenderedPass:
        """Render the pass.json of a face; raises SigningUnavailable, TemplateInvalid."""
        merchant, blueprint = self._merchant(merchant_id), self._template(template)
        writer = merchant.writers.get(template)
        if writer is None:
            writer = PassWriter(blueprint, merchant.issuer)
            check_pass_json(writer.write(face, identity))
            merchant.writers[template] = writer
        document = writer.write(face, identity)
        parts = self.parts(template, face)
        return RenderedPass(document, bundle.content_hash(self._prepared(parts), document), parts)

    def package(self, merchant_id: str, document: bytes, parts: str, now: datetime) -> bytes:
        """Return the signed .pkpass of a stored document; raises SigningUnavailable, TemplateInvalid.

        Of a template that changed since, the present files are used: `parts` then names other ones, by which the
        card is known to need publishing again.
        """
        return bundle.build(self._prepared(parts), document, self._merchant(merchant_id).signer, now)

    async def deliver(self, merchant_id: str, addresses: Sequence[str]) -> list[Attempt]:
        """Push to each token; one outcome each, in order. Raises SigningUnavailable where nothing is configured."""
        merchant = self._merchant(merchant_id)
        await self._close_retired()
        return await merchant.push.deliver(addresses)

    async def close(self) -> None:
        """Close all connections to APNs."""
        await self._close_retired()
        for merchant in list(self._merchants.values()):
            await merchant.push.close()

    def findings(self, merchant_id: str, now: datetime) -> tuple[Check, ...]:
        """Examine a merchant's credentials at `now` (A5): for `doctor`, readiness and alarms."""
        merchant = self._merchants.get(merchant_id)
        if merchant is None:
            cure = "Load the .p12 of your Pass Type ID"
            return (Check("configured", CheckLevel.FAILURE, "No pass certificate is loaded", cure),)
        return examine(merchant.credentials, now)

    def _merchant(self, merchant_id: str) -> _Merchant:
        try:
            return self._merchants[merchant_id]
        except KeyError:
            raise SigningUnavailable("No pass certificate is loaded for this merchant") from None

    def _template(self, name: str) -> Template:
        try:
            return self._templates[name]
        except KeyError:
            raise TemplateInvalid(f"There is no template {name!r}", path=name) from None

    def _revision(self, template: Template) -> str:
        """Return what decides about a pass besides its face: the template, and where phones ask for updates."""
        return f"{template.revision}.{self._address}"

    def _prepared(self, parts: str) -> bundle.Parts:
        name, _, variant = parts.split("/")
        template = self._template(name)
        key = f"{name}/{self._revision(template)}/{variant}"
        return self._parts.get(key, lambda: bundle.prepare(_members(template, variant)))

    async def _close_retired(self) -> None:
        while self._retired:
            await self._retired.pop().close()


class _PartsCache:
    """Prepared parts by name; the ones longest unused go first when they take too many bytes."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._held: OrderedDict[str, bundle.Parts] = OrderedDict()
        self._lock = threading.Lock()

    def holds(self, name: str) -> bool:
        return name in self._held

    def get(self, name: str, make: Callable[[], bundle.Parts]) -> bundle.Parts:
        with self._lock:
            parts = self._held.get(name)
            if parts is not None:
                self._held.move_to_end(name)
                return parts
        parts = make()
        with self._lock:
            former = self._held.pop(name, None)
            self._held[name] = parts
            self._bytes += parts.size - (former.size if former is not None else 0)
            while self._bytes > self._bytes_max and len(self._held) > 1:
                _, dropped = self._held.popitem(last=False)
                self._bytes -= dropped.size
        return parts


def _members(template: Template, variant: str) -> Mapping[str, bytes]:
    if template.stamps is None or variant == _PLAIN:
        return template.files
    _, filled, slots = variant.split("-")
    return {**template.files, **draw_stamps(template.stamps, StampRow(int(filled), int(slots)))}


def _check_web_service_url(url: str, *, allow_plain: bool) -> None:
    if url.endswith(("/", "/v1")):
        raise ConfigurationRefused("The web service URL has no slash at its end and no /v1: phones add both")
    scheme = urlsplit(url).scheme
    if scheme != "https" and not (allow_plain and scheme == "http"):
        raise ConfigurationRefused("The web service URL starts with https://, or iPhones refuse every pass")
