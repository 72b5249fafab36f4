"""Lists and single objects from Stripe's read API, page by page, at a pace Stripe allows.

A plain GET instead of the SDK, for the reasons in `sessions`. Sources: Stripe API reference,
"Pagination", "Errors", "List all Checkout Sessions", "List all events", "Rate limits".
"""

import asyncio
import json
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from domain.errors import DomainError, Unavailable
from domain.ports import Clock

API_VERSION: Final = "2026-10-28.endive"
PAGE: Final = 100
MAX_BODY: Final = 8 * 1024 * 1024
REQUEST_S: Final = 20.0
BETWEEN_S: Final = 0.05
"""Twenty requests a second; Stripe allows an account 100 in live mode and 25 in test mode."""

TRIES: Final = 4
LONGEST_WAIT_S: Final = 30.0

_SESSIONS: Final = "/v1/checkout/sessions"
_EVENTS: Final = "/v1/events"
_PERMISSION: Final = re.compile(r"rak_[a-z0-9_]+")
_GRANTS: Final = {_SESSIONS: "Checkout Sessions: read", _EVENTS: "Events: read"}


class KeyRefused(DomainError):  # noqa: N818 - reads as the sentence it is
    """Stripe refuses the key, as a whole or for this source. The message says what to do."""


class StripeAway(Unavailable):
    """Stripe did not answer, or not for now, or not what was asked for."""


class CursorLost(DomainError):  # noqa: N818 - reads as the sentence it is
    """The object a list was to go on after is gone; events are kept for 30 days only."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, newest first. Entries are whatever Stripe sent; `cursor` leads to the next page."""

    items: Sequence[Any]
    cursor: str | None


class StripeReader:
    """Reads with a restricted key, one request after the other.

    Every verb raises StripeAway when Stripe does not answer for now, KeyRefused, and CursorLost
    for a cursor that leads nowhere.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        base_url: str,
        api_key: SecretStr,
        clock: Clock,
        request_s: float = REQUEST_S,
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._clock = clock
        self._request_s = request_s
        self._next_at = 0.0

    async def sessions(self, *, since: datetime, after: str | None = None) -> Page:
        """List complete Checkout sessions by their `created`."""
        query = [("status", "complete"), ("created[gte]", str(math.floor(since.timestamp())))]
        return await self._page(_SESSIONS, query, after)

    async def events(
        self,
        *,
        since: datetime,
        types: Collection[str],
        undelivered: bool = False,
        after: str | None = None,
    ) -> Page:
        """List events of at most 20 types; `undelivered`: not yet taken by every endpoint."""
        query = [("created[gte]", str(math.floor(since.timestamp())))]
        query += [("types[]", name) for name in sorted(types)]
        if undelivered:
            query.append(("delivery_success", "false"))
        return await self._page(_EVENTS, query, after)

    async def session(self, session_id: str) -> Any:
        """Return one Checkout session as Stripe tells it, None when the key's mode has none."""
        answer = await self._get(_SESSIONS, f"/{quote(session_id, safe='')}", [])
        return None if answer.status == httpx.codes.NOT_FOUND else _object(answer)

    async def _page(self, path: str, query: list[tuple[str, str]], after: str | None) -> Page:
        query = [*query, ("limit", str(PAGE))]
        if after is not None:
            query.append(("starting_after", after))
        listed = _object(await self._get(path, "", query))
        items = listed.get("data")
        if not isinstance(items, list):
            raise StripeAway("Stripe's answer is no list")
        return Page(items, _cursor(items) if listed.get("has_more") is True else None)

    async def _get(self, path: str, item: str, query: list[tuple[str, str]]) -> "_Answer":
        """Ask until Stripe is no longer too busy, within a few tries."""
        wait_s: float | None = None
        for _ in range(TRIES):
            answer = await self._ask(f"{path}{item}", query)
            if answer.status != httpx.codes.TOO_MANY_REQUESTS:
                return _checked(answer, path)
            wait_s = _retry_after(answer, wait_s)
            if wait_s > LONGEST_WAIT_S:
                break
            await self._clock.sleep(wait_s)
        raise StripeAway("Stripe answered 429: too many requests")

    async def _ask(self, path: str, query: list[tuple[str, str]]) -> "_Answer":
        await self._keep_pace()
        headers = {
            "Authorization": f"Bearer {self._api_key.get_secret_value()}",
            "Stripe-Version": API_VERSION,
        }
        url = f"{self._base_url}{path}"
        try:
            async with (
                asyncio.timeout(self._request_s),
                self._client.stream("GET", url, params=tuple(query), headers=headers) as response,
            ):
                return _Answer(
                    response.status_code,
                    response.headers.get("retry-after"),
                    await _read(response),
                )
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise StripeAway(f"Stripe did not answer: {type(error).__name__}") from None

    async def _keep_pace(self) -> None:
        now = self._clock.monotonic()
        wait_s = self._next_at - now
        self._next_at = max(now, self._next_at) + BETWEEN_S
        if wait_s > 0:
            await self._clock.sleep(wait_s)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    retry_after: str | None
    body: bytes


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            raise StripeAway(f"Stripe's answer is larger than {MAX_BODY} bytes")
    return bytes(body)


def _checked(answer: _Answer, path: str) -> _Answer:
    match answer.status:
        case 400 | 404 if _error(answer).get("param") == "starting_after":
            raise CursorLost("Stripe does not know where the list was left")
        case 200 | 404:
            return answer
        case 401:
            raise KeyRefused("Stripe refuses STRIPE_API_KEY (401): make a new restricted key")
        case 403:
            raise KeyRefused(
                f"STRIPE_API_KEY may not read this (403): grant it {_GRANTS[path]}"
                f"{_named_permission(answer)}"
            )
    raise StripeAway(f"Stripe answered {answer.status}")


def _named_permission(answer: _Answer) -> str:
    """Return the permission Stripe names; the rest of its message quotes the key."""
    found = _PERMISSION.search(str(_error(answer).get("message", "")))
    return f" ({found[0]})" if found else ""


def _retry_after(answer: _Answer, before_s: float | None) -> float:
    """Return the seconds Stripe asks for, or else twice as long as before."""
    try:
        asked = float(answer.retry_after or "")
    except ValueError:
        asked = math.nan
    return asked if asked >= 0 else 2 * (before_s or 0.5)


def _object(answer: _Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or answer.status != httpx.codes.OK:
        raise StripeAway("Stripe's answer is not what was asked for")
    return found


def _error(answer: _Answer) -> dict[str, Any]:
    try:
        error = json.loads(answer.body)["error"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _cursor(items: Sequence[Any]) -> str:
    """Return the id to go on after; what has none at the end of a page comes again in the next.

    Raises StripeAway when nothing has one: the rest is out of reach then.
    """
    for item in reversed(items):
        found = item.get("id") if isinstance(item, dict) else None
        if isinstance(found, str) and found:
            return found
    raise StripeAway("Stripe's list says that it goes on, but not where")
