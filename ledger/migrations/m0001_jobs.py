"""Jobs, the inbox and the heartbeats."""

from typing import Final

from ledger.holding import HOLDING_INDEX_KEYS
from ledger.migrations.schema import Migration, index, index_migration
from ledger.names import JOBS, STRIPE_EVENTS, WORKERS

MIGRATION: Final[Migration] = index_migration(
    "0001_jobs",
    {
        JOBS: [
            index("due", "not_before"),
            index(
                "one_paid_session_per_order",
                *HOLDING_INDEX_KEYS,
                unique=True,
                partialFilterExpression={"holds_order": True},
            ),
            index("order", "order_id", "kind", "state"),
            index("session", "session_id", "-created_at"),
            index("payment", "payment.payment_intent"),
            index("owner", "owner", "state"),
            index("backlog", "state", "created_at"),
        ],
        STRIPE_EVENTS: [
            index("payment", "payment_intent", "created"),
            index("unhandled", "handled_at", "received_at"),
        ],
        WORKERS: [index("forgotten", "expires_at", expireAfterSeconds=0)],
    },
)
