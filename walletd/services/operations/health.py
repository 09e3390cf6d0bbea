"""Health: whether walletd can do its work now, for load balancers, `doctor` and the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from walletd.db.delivery import channels, publishing, targets
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.db.merchants.merchants import CredentialsRow
from walletd.db.outbox import jobs, webhook_messages
from walletd.domain.calendar import age_seconds
from walletd.domain.outbox.jobs import JobState
from walletd.domain.outbox.webhooks import MessageState
from walletd.services.delivery.targets import MASS_REJECTION
from walletd.services.runtime import Runtime
from walletd.telemetry import CERTIFICATE_DAYS, QUEUE_AGE, QUEUE_DEPTH

_LAG_ALARM_SECONDS: Final = 60.0
_DAY_SECONDS: Final = 86_400


class Health:
    """Use cases about walletd's own state."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def ready(self) -> dict[str, object]:
        """Return `ready` and what it stands on; raises StorageUnavailable where the database does not answer."""
        now = self._runtime.clock()

        def read(tx: Tx) -> dict[str, object]:
            dirty, dirty_since = publishing.count_dirty(tx)
            due, due_since = targets.QUEUE.count_due(tx, now)
            troubled = [
                row
                for row in channels.channels(tx)
                if (row.paused_until is not None and row.paused_until > now) or row.rejections >= MASS_REJECTION
            ]
            publish_lag, deliver_lag = age_seconds(dirty_since, now), age_seconds(due_since, now)
            for queue, depth, age in (("dirty cards", dirty, publish_lag), ("due deliveries", due, deliver_lag)):
                QUEUE_DEPTH.labels(queue).set(depth)
                QUEUE_AGE.labels(queue).set(age)
            messages = webhook_messages.QUEUE.count_by_state(
                tx, (MessageState.WAITING, MessageState.PENDING, MessageState.DEAD)
            )
            to_send = messages.get(MessageState.WAITING, 0) + messages.get(MessageState.PENDING, 0)
            QUEUE_DEPTH.labels("webhook messages").set(to_send)
            QUEUE_DEPTH.labels("webhook dead letters").set(messages.get(MessageState.DEAD, 0))
            work = jobs.QUEUE.count_by_state(tx, (JobState.PENDING, JobState.DEAD))
            QUEUE_DEPTH.labels("jobs").set(work.get(JobState.PENDING, 0))
            QUEUE_DEPTH.labels("dead jobs").set(work.get(JobState.DEAD, 0))
            certificates = [_certificate(row, now) for row in merchants.all_credentials(tx)]
            _show_first_ends(certificates)
            return {
                "ready": True,
                "dirty_cards": dirty,
                "due_targets": due,
                "webhook_messages": to_send,
                "webhook_dead_letters": messages.get(MessageState.DEAD, 0),
                "jobs": work.get(JobState.PENDING, 0),
                "dead_jobs": work.get(JobState.DEAD, 0),
                "publish_lag_seconds": round(publish_lag, 3),
                "deliver_lag_seconds": round(deliver_lag, 3),
                "worker": "behind" if max(publish_lag, deliver_lag) > _LAG_ALARM_SECONDS else "in time",
                "paused_channels": [{"platform": row.platform, "reason": row.reason} for row in troubled],
                "certificates": [asdict(certificate) for certificate in certificates],
            }

        return await self._runtime.database.read(read)


@dataclass(frozen=True, slots=True)
class CertificateEnd:
    """How long a merchant's certificate for a platform still lasts; negative days once it ended."""

    platform: str
    topic: str
    days_left: int


def _certificate(row: CredentialsRow, now: datetime) -> CertificateEnd:
    return CertificateEnd(row.platform, row.topic, int((row.not_valid_after - now).total_seconds() // _DAY_SECONDS))


def _show_first_ends(certificates: Sequence[CertificateEnd]) -> None:
    """Let the figure of each platform be that of the certificate that ends first."""
    for platform in {certificate.platform for certificate in certificates}:
        ends = [certificate.days_left for certificate in certificates if certificate.platform == platform]
        CERTIFICATE_DAYS.labels(platform).set(min(ends))
