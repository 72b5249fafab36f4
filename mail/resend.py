"""Sending through Resend's HTTP API."""

import asyncio
import re
from typing import Final

import httpx
from pydantic import SecretStr

from domain.errors import Unavailable
from domain.ports import Letter

TOTAL_SECONDS: Final = 15.0

_TAKEN_EARLIER: Final = "invalid_idempotent_request"
_ERROR_NAME: Final = re.compile(r"[a-z_]{1,60}")


class ResendMailer:
    """Implements `domain.ports.Mailer`. Wire facts: Resend API reference, "Send Email", "Errors".

    The letter's key travels as `Idempotency-Key`; Resend answers a repeated key within 24 hours
    with the first mail's id and sends nothing.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        base_url: str,
        api_key: SecretStr,
        sender: str,
        total_s: float = TOTAL_SECONDS,
    ) -> None:
        self._client = client
        self._url = f"{base_url.rstrip('/')}/emails"
        self._api_key = api_key
        self._sender = sender
        self._total_s = total_s

    async def send(self, letter: Letter) -> str:
        """Return Resend's id of the mail. Raises Unavailable with status and error name."""
        try:
            async with asyncio.timeout(self._total_s):
                response = await self._client.post(
                    self._url, json=self._body(letter), headers=self._headers(letter)
                )
        except (httpx.HTTPError, TimeoutError) as error:
            raise Unavailable(f"resend: {type(error).__name__}") from error
        if response.is_success:
            return _field(response, "id") or "unknown"
        name = _field(response, "name")
        if response.status_code == httpx.codes.CONFLICT and name == _TAKEN_EARLIER:
            # Same key, other text: our earlier try was taken although we did not hear so.
            return "taken-earlier"
        code = name if _ERROR_NAME.fullmatch(name) else ""
        raise Unavailable(f"resend: {response.status_code} {code}".rstrip())

    def _body(self, letter: Letter) -> dict[str, object]:
        return {
            "from": self._sender,
            "to": list(letter.to),
            "subject": letter.subject,
            "html": letter.html,
            "text": letter.text,
        }

    def _headers(self, letter: Letter) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._api_key.get_secret_value()}",
            "Idempotency-Key": letter.key,
        }


def _field(response: httpx.Response, name: str) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""
