"""Whether the keys are good: questions to the providers that cost nothing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from pydantic import SecretStr

from llm import lenient
from llm.anthropic import API_VERSION
from llm.anthropic import read_error as read_anthropic_error
from llm.http import OK, bounded, exchange, read_bounded
from llm.openai import read_error as read_openai_error
from llm.refusals import read_refusal
from llm.wire import read_object

_DEADLINE_S: Final = 10.0
_MOST_MODELS: Final = 1000
# Nobody here waits for as long as a server asks, so that its hints need no clock.
_NOW: Final = math.nan


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """OpenRouter's word on a key (OpenRouter docs, `GET /key`). Amounts in USD.

    `limit_remaining` is None for a key without a limit of its own. `server_time` is the reply's
    Date, exact to the second.
    """

    limit_usd: float | None
    remaining_usd: float | None
    used_today_usd: float | None
    expires_at: str | None
    server_time: datetime | None


async def openrouter_key(
    client: httpx.AsyncClient, *, base_url: str, api_key: SecretStr
) -> KeyStanding:
    """Ask how the key stands; `base_url` ends in `/api/v1`. Raises ModelFailure."""
    headers = {"authorization": f"Bearer {_revealed(api_key)}"}
    async with (
        bounded(_DEADLINE_S),
        exchange(client, "GET", f"{base_url.rstrip('/')}/key", headers=headers) as response,
    ):
        body = await read_bounded(response)
        if response.status_code != OK:
            raise read_refusal(
                _envelope(body),
                status=response.status_code,
                headers=response.headers,
                now=_NOW,
            )
        return read_key(read_object(body), response.headers)


def read_key(payload: Mapping[str, Any], headers: Mapping[str, str]) -> KeyStanding:
    """Read the body of `GET /key` leniently."""
    data = lenient.table(payload.get("data"))
    return KeyStanding(
        limit_usd=lenient.number(data.get("limit")),
        remaining_usd=lenient.number(data.get("limit_remaining")),
        used_today_usd=lenient.number(data.get("usage_daily")),
        expires_at=lenient.name(data.get("expires_at")),
        server_time=_read_date(headers.get("date")),
    )


async def anthropic_models(
    client: httpx.AsyncClient, *, base_url: str, api_key: SecretStr
) -> list[str]:
    """List the models that the key may ask (Anthropic API, models). Raises ModelFailure."""
    url = f"{base_url.rstrip('/')}/v1/models?limit={_MOST_MODELS}"
    headers = {"x-api-key": _revealed(api_key), "anthropic-version": API_VERSION}
    async with bounded(_DEADLINE_S), exchange(client, "GET", url, headers=headers) as response:
        body = await read_bounded(response)
        if response.status_code != OK:
            raise read_anthropic_error(body, response.status_code, response.headers, _NOW)
        return _model_ids(body)


async def openai_models(
    client: httpx.AsyncClient, *, base_url: str, api_key: SecretStr
) -> list[str]:
    """List the models that the key may ask; `base_url` ends in `/v1`. Raises ModelFailure."""
    url = f"{base_url.rstrip('/')}/models"
    headers = {"authorization": f"Bearer {_revealed(api_key)}"}
    async with bounded(_DEADLINE_S), exchange(client, "GET", url, headers=headers) as response:
        body = await read_bounded(response)
        if response.status_code != OK:
            raise read_openai_error(body, response.status_code, response.headers, _NOW)
        return _model_ids(body)


def _model_ids(body: bytes) -> list[str]:
    entries = lenient.row(read_object(body).get("data"))
    ids = (lenient.name(lenient.table(entry).get("id")) for entry in entries)
    return [model_id for model_id in ids if model_id]


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        return lenient.table(lenient.load(body))
    except ValueError:
        return {"error": {"message": "the error body is no JSON"}}


def _read_date(value: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(value or "").astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _revealed(key: SecretStr) -> str:
    return key.get_secret_value().strip()
