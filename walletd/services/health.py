"""Health: whether walletd can do its work now, for load balancers, `doctor` and the metrics."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from walletd.db import deliveries, lanes, merchants, publishing
from walletd.db.base import Tx
from walletd.db.merchants import CredentialsRow
from walletd.domain.calendar import milliseconds
from walletd.services.runtime import Runtime
from walletd.services.upkeep import age_seconds
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
            due, due_since = deliveries.count_due(tx, milliseconds(now))
            paused = [row for row in lanes.lanes(tx) if row.paused_until > milliseconds(now)]
            publish_lag, deliver_lag = age_seconds(dirty_since, now), age_seconds(due_since, now)
            for queue, depth, age in (("dirty cards", dirty, publish_lag), ("due deliveries", due, deliver_lag)):
                QUEUE_DEPTH.labels(queue).set(depth)
                QUEUE_AGE.labels(queue).set(age)
            certificates = [_certificate(row, now) for row in merchants.all_credentials(tx)]
            return {
                "ready": True,
                "dirty_cards": dirty,
                "due_targets": due,
                "publish_lag_seconds": round(publish_lag, 3),
                "deliver_lag_seconds": round(deliver_lag, 3),
                "worker": "behind" if max(publish_lag, deliver_lag) > _LAG_ALARM_SECONDS else "in time",
                "paused_lanes": [{"platform": row.platform, "reason": row.reason} for row in paused],
                "certificates": certificates,
            }

        return await self._runtime.database.read(read)


def _certificate(row: CredentialsRow, now: datetime) -> dict[str, object]:
    days_left = int((row.not_valid_after - now).total_seconds() // _DAY_SECONDS)
    CERTIFICATE_DAYS.labels(row.platform).set(days_left)
    return {"platform": row.platform, "topic": row.topic, "days_left": days_left}
