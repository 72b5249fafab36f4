"""What the daily aggregation reads: response times per model and day, and late ratings."""

from typing import Final

from ledger.migrations.schema import Migration, index, index_migration
from ledger.names import AI_REQUESTS

MIGRATION: Final[Migration] = index_migration(
    "0004_performance",
    {
        AI_REQUESTS: [
            # The percentiles of a day are read from this index alone, without its documents.
            index("latency", "model_used", "timestamp", "response_data.response_time_ms"),
            index("feedback", "user_feedback.timestamp", sparse=True),
        ],
    },
)
