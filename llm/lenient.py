"""Reading other people's JSON without trusting its types. Nothing here raises but `load`."""

import json
import math
from decimal import Decimal
from typing import Any, Final

_NAME_LIMIT: Final = 200
_COUNT_LIMIT: Final = 1_000_000_000


def load(body: bytes | str) -> Any:
    """Parse JSON with any white space around it; raises ValueError."""
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def row(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a string that can be stored, "" for anything else.

    Lone surrogates are legal in JSON and illegal in UTF-8.
    """
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def name(value: object) -> str | None:
    """Return a short identifier (model, provider, code), also from a number; None when absent."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _COUNT_LIMIT:
        return str(value)
    return text(value).strip()[:_NAME_LIMIT] or None


def number(value: object) -> float | None:
    """Return a finite number, also from a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def count(value: object) -> int:
    """Return a plausible token count, 0 for everything else."""
    result = number(value)
    return int(result) if result is not None and 0 <= result < _COUNT_LIMIT else 0


def money(value: object) -> Decimal | None:
    """Return an amount of USD that is not negative; None when not told."""
    result = number(value)
    return Decimal(str(result)) if result is not None and result >= 0 else None
