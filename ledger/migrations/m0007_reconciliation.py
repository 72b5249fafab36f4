"""What the reconciliation with Stripe looks for: sessions that were completed but not yet paid."""

from typing import Final

from ledger.migrations.schema import Migration, index, index_migration
from ledger.names import STRIPE_EVENTS

MIGRATION: Final[Migration] = index_migration(
    "0007_reconciliation",
    {
        STRIPE_EVENTS: [
            index("unpaid", "payment_status", "type", "created"),
        ],
    },
)
