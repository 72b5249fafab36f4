"""The collections by name. The first group is ours, the second belongs to the site."""

from collections.abc import Mapping
from typing import Final

from domain.job import Kind

JOBS: Final = "jobs"
STRIPE_EVENTS: Final = "stripe_events"
WORKERS: Final = "workers"
AI_REQUESTS: Final = "ai_requests"
MODEL_PERFORMANCE: Final = "model_performance"
ERROR_LOGS: Final = "error_logs"
HEALTH_CHECKS: Final = "health_checks"
PROOFS: Final = "proofs"
ORDER_CHECKS: Final = "order_checks"
RESULTS_SET_ASIDE: Final = "results_set_aside"
LEASES: Final = "leases"
RECONCILIATION: Final = "reconciliation"
SWITCHES: Final = "switches"
SCHEMA_MIGRATIONS: Final = "schema_migrations"
ERASURES: Final = "erasures"

COUNTERS: Final = "counters"
ORDERS: Final[Mapping[Kind, str]] = {
    Kind.VALUATION: "bewertungen",
    Kind.CERTIFICATE: "wertgutachten",
}
