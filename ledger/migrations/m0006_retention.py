"""What lets old documents go: ages as TTL indexes, and quick ways to what is to be slimmed."""

from datetime import timedelta
from typing import Final

from ledger.migrations.schema import Migration, index, index_migration
from ledger.names import AI_REQUESTS, ERASURES, ERROR_LOGS, JOBS, STRIPE_EVENTS
from ledger.retention import EXPIRY, NEVER_S, RECEIPTS_KEPT, WORDS

_RECEIPTS_S: Final = RECEIPTS_KEPT // timedelta(seconds=1)

MIGRATION: Final[Migration] = index_migration(
    "0006_retention",
    {
        JOBS: [
            # Holds the jobs that still have words, and loses each as it is slimmed.
            index(
                WORDS,
                "state",
                "delivered_at",
                partialFilterExpression={"answer.text": {"$gt": ""}},
            ),
            index("erased", "erased_at", sparse=True),
        ],
        AI_REQUESTS: [
            # Asleep until retention sets the age it was told: a default would delete too early.
            index(EXPIRY, "timestamp", expireAfterSeconds=NEVER_S),
            index(
                WORDS,
                "timestamp",
                "_id",
                partialFilterExpression={"horse_data": {"$exists": True}},
            ),
        ],
        ERROR_LOGS: [
            index(EXPIRY, "timestamp", expireAfterSeconds=NEVER_S),
            index("session", "session_id", "-timestamp"),
        ],
        STRIPE_EVENTS: [
            # An event that nobody finished has no date here, and never expires.
            index(EXPIRY, "handled_at", expireAfterSeconds=NEVER_S),
            index("session", "session_id", "created"),
        ],
        ERASURES: [index(EXPIRY, "erased_at", expireAfterSeconds=_RECEIPTS_S)],
    },
)
