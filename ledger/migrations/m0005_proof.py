"""What the proof reads: paid events by time, deliveries by time, orders that are broken."""

from typing import Final

from ledger.migrations.schema import Migration, index, index_migration
from ledger.names import JOBS, ORDER_CHECKS, RESULTS_SET_ASIDE, STRIPE_EVENTS

MIGRATION: Final[Migration] = index_migration(
    "0005_proof",
    {
        JOBS: [index("delivered", "delivered_at")],
        STRIPE_EVENTS: [index("paying", "type", "received_at")],
        ORDER_CHECKS: [index("broken", "fault", "created_at")],
        RESULTS_SET_ASIDE: [index("session", "session_id")],
    },
)
