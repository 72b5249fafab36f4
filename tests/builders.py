"""Documents in the site's exact shape, for tests and nothing else."""

from datetime import UTC, datetime
from typing import Any

from domain.order import Horse, read_horse

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ORDER_ID = "68a0c0ffee0123456789abcd"
SESSION_ID = "cs_live_a1B2c3D4e5F6g7H8i9J0"


def order(**changes: Any) -> dict[str, Any]:
    """An order as checkout writes it: untouched inputs arrive as empty strings."""
    return {
        "_id": ORDER_ID,
        "rasse": "Hannoveraner",
        "alter": 8,
        "geschlecht": "Wallach",
        "stockmass": 168,
        "haupteignung": "Dressur",
        "ausbildung": "L",
        "abstammung": "Don Frederico x Weltmeyer",
        "aku": "Februar 2026 ohne Befund",
        "erfolge": "L-Dressur bis 70 %",
        "standort": "30159 Hannover",
        "charakter": "",
        "besonderheiten": "",
        "land": "DE",
        "user_country": "DE",
        "attribution_source": "google_search",
        "status": "offen",
        "stripeSessionId": SESSION_ID,
        "erstellt": NOW,
    } | changes


def horse(**changes: Any) -> Horse:
    return read_horse(order(**changes))
