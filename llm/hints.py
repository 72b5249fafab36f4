"""How long a server asks us to wait, wherever it says so."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from llm import lenient

_MILLISECONDS_FROM: Final = 1e11


def retry_after_s(headers: Mapping[str, Any], error: Mapping[str, Any], now: float) -> float | None:
    """Return seconds from now, or None without a hint. `now` is epoch seconds.

    Order: `Retry-After` of the response, `availability.retry_after`, then the copies in
    `metadata.headers`, then `X-RateLimit-Reset` (OpenRouter docs, limits and errors).
    """
    availability = lenient.table(error.get("availability"))
    copies = lenient.table(lenient.table(error.get("metadata")).get("headers"))
    own, copied = _lower(headers), _lower(copies)
    candidates = (
        _wait(own, now),
        lenient.number(availability.get("retry_after")),
        _wait(copied, now),
        _reset(own, now),
        _reset(copied, now),
    )
    return next((max(seconds, 0.0) for seconds in candidates if seconds is not None), None)


def _lower(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in headers.items()}


def _wait(headers: Mapping[str, Any], now: float) -> float | None:
    milliseconds = lenient.number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = lenient.number(value)
    return _until(lenient.text(value), now) if seconds is None else seconds


def _until(http_date: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(http_date).timestamp() - now
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _reset(headers: Mapping[str, Any], now: float) -> float | None:
    """Recorded resets are epoch milliseconds; seconds are told apart by magnitude."""
    reset = lenient.number(headers.get("x-ratelimit-reset"))
    if reset is None:
        return None
    return (reset / 1000 if reset > _MILLISECONDS_FROM else reset) - now
