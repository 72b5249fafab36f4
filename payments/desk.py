"""Stripe for people at the command line: is the key good, what is this session, a rehearsal."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from domain.errors import Unavailable

_TOTAL_S: Final = 10.0
_SESSIONS: Final = "/v1/checkout/sessions"
_EVENTS: Final = "/v1/events"


class StripeRefused(Exception):  # noqa: N818 - reads as the sentence it is
    """Stripe said no. The message says what to do."""


class StripeDesk:
    """Reads with the restricted key that the workers use."""

    def __init__(self, client: httpx.AsyncClient, *, base_url: str, api_key: SecretStr) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key

    async def check(self) -> None:
        """Read one Checkout session and one event, whichever.

        Raises Unavailable and StripeRefused.
        """
        for path in (_SESSIONS, _EVENTS):
            await self._get(f"{path}?limit=1")

    async def session(self, session_id: str) -> dict[str, Any]:
        """Return a Checkout session as Stripe tells it. Raises Unavailable and StripeRefused."""
        return await self._get(f"{_SESSIONS}/{quote(session_id, safe='')}")

    async def _get(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._api_key.get_secret_value()}"}
        try:
            async with asyncio.timeout(_TOTAL_S):
                response = await self._client.get(f"{self._base_url}{path}", headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unavailable(f"Stripe did not answer: {type(error).__name__}") from None
        if response.status_code != httpx.codes.OK:
            raise _refusal(response.status_code, path)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Unavailable("Stripe's answer is no JSON object")
        return answer


def _refusal(status: int, path: str) -> Exception:
    read = "Events" if path.startswith(_EVENTS) else "Checkout Sessions"
    match status:
        case 401:
            return StripeRefused("Stripe refuses STRIPE_API_KEY (401): make a new restricted key")
        case 403:
            return StripeRefused(
                f"STRIPE_API_KEY may not read {read} (403): grant it that permission"
            )
        case 404:
            return StripeRefused(
                "Stripe does not know this session (404): check its id, and that STRIPE_API_KEY "
                "is of the same mode, test or live"
            )
    return Unavailable(f"Stripe answered {status}")


def signed(event: Mapping[str, Any], secret: SecretStr, at: float) -> tuple[bytes, str]:
    """Return an event's body and its `Stripe-Signature`, signed at `at` (epoch seconds).

    Source: Stripe docs, "Verify webhook signatures manually".
    """
    body = json.dumps(event, ensure_ascii=False).encode()
    message = b"%d." % int(at) + body
    mac = hmac.new(secret.get_secret_value().strip().encode(), message, hashlib.sha256).hexdigest()
    return body, f"t={int(at)},v1={mac}"
