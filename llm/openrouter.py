"""OpenRouter: one model, one streamed call."""

import asyncio
import math
from dataclasses import dataclass
from typing import Any, Final

import httpx
import structlog
from pydantic import SecretStr

from domain.ports import Clock
from llm.chat import chat_messages, json_schema_format, user_hash
from llm.completion import Call, Completion, Receipt
from llm.failures import FailureKind, ModelFailure, Refused, Unreachable
from llm.http import MAX_BODY, OK, Trail, bounded, exchange, header_safe, read_bounded
from llm.lenient import load, name, table
from llm.listing import ListedModel, read_models
from llm.refusals import read_refusal
from llm.stream import Assembly, EventLines
from llm.wire import read_completion, read_object

log = structlog.get_logger(__name__)

MAX_LISTING: Final = 16 * 1024 * 1024
_KEY_CHECK_S: Final = 5.0
_KEY_CHECK_REST_S: Final = 60.0
_SHARE_FOR_KEY_CHECK: Final = 0.8


STALL_S: Final = 60.0
"""Seconds a stream that has begun may go without data; comments are no data."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """How the shop appears in OpenRouter's statistics."""

    site_url: str = "https://pferdewert.de"
    title: str = "PferdeWert KI-Bewertung"


class OpenRouter:
    """`base_url` ends in `/api/v1`. The client is shared and closed by its owner."""

    account: Final = "openrouter"

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        base_url: str,
        api_key: SecretStr,
        clock: Clock,
        attribution: Attribution | None = None,
        stall_s: float = STALL_S,
    ) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._clock = clock
        self._attribution = attribution or Attribution()
        self._stall_s = stall_s
        self._key_rests_until = -math.inf

    async def complete(self, call: Call) -> Completion:
        """Return one complete answer; raises ModelFailure within `call.deadline_s`."""
        ends = self._clock.monotonic() + call.deadline_s
        async with bounded(call.deadline_s, call.prompt) as trail:
            try:
                return await self._converse(call, trail)
            except Refused as refused:
                if refused.kind is FailureKind.UNAUTHORIZED:
                    await self._check_key(ends - self._clock.monotonic())
                raise

    async def fetch_models(self, *, deadline_s: float = 20.0) -> list[ListedModel]:
        """Return what OpenRouter lists; needs no valid key. Raises ModelFailure."""
        async with bounded(deadline_s):
            return read_models(read_object(await self._get("/models", limit=MAX_LISTING)))

    async def _converse(self, call: Call, trail: Trail) -> Completion:
        async with exchange(
            self._client,
            "POST",
            f"{self._base_url}/chat/completions",
            headers=self._headers(),
            payload=request_body(call),
        ) as response:
            # The header arrives before the body and survives when that does not.
            trail.note(Receipt(generation_id=name(response.headers.get("x-generation-id"))))
            if response.status_code != OK:
                raise await self._refusal(response)
            if "text/event-stream" in response.headers.get("content-type", ""):
                return await self._listen(response, call, trail)
            body = await read_bounded(response)
            completion = read_completion(body, response.headers, self._epoch())
            await call.on_first_token()
            return completion

    async def _listen(self, response: httpx.Response, call: Call, trail: Trail) -> Completion:
        """Follow a stream until it ends or, once it has begun, stalls.

        Before the first data only the call's deadline counts: models may think for long.
        """
        stall = asyncio.timeout(None)
        try:
            async with stall:
                return await self._follow(response, call, trail, stall)
        except TimeoutError:
            if not stall.expired():
                raise
            message = f"no data for {self._stall_s:.1f} s"
            raise Unreachable(FailureKind.STALLED, message) from None

    async def _follow(
        self, response: httpx.Response, call: Call, trail: Trail, stall: asyncio.Timeout
    ) -> Completion:
        lines, assembly = EventLines(), Assembly(headers=response.headers)
        async for chunk in response.aiter_bytes():
            for data in lines.feed(chunk):
                await self._take(data, assembly, call, trail)
                stall.reschedule(asyncio.get_running_loop().time() + self._stall_s)
            if assembly.done:
                return assembly.conclude()
        for data in lines.finish():
            await self._take(data, assembly, call, trail)
        return assembly.conclude()

    async def _take(self, data: str, assembly: Assembly, call: Call, trail: Trail) -> None:
        silent = not assembly.has_text
        assembly.add(data, now=self._epoch())
        trail.note(assembly.receipt)
        if silent and assembly.has_text:
            await call.on_first_token()

    async def _refusal(self, response: httpx.Response) -> Refused:
        body = await read_bounded(response)
        try:
            envelope = table(load(body))
        except ValueError:
            envelope = {"error": {"message": "the error body is no JSON"}}
        return read_refusal(
            envelope, status=response.status_code, headers=response.headers, now=self._epoch()
        )

    async def _check_key(self, time_left_s: float) -> None:
        """Ask once a minute whether the key itself is bad: storms of 401 usually are outages."""
        now = self._clock.monotonic()
        if now < self._key_rests_until:
            return
        self._key_rests_until = now + _KEY_CHECK_REST_S
        bound = min(_KEY_CHECK_S, time_left_s * _SHARE_FOR_KEY_CHECK)
        log.error("openrouter_key_check", key=await self._key_state(bound))

    async def _key_state(self, deadline_s: float) -> str:
        try:
            async with bounded(deadline_s):
                await self._get("/key", limit=MAX_BODY)
        except ModelFailure as failure:
            return "rejected" if failure.kind is FailureKind.UNAUTHORIZED else "unknown"
        return "valid"

    async def _get(self, path: str, *, limit: int) -> bytes:
        url = f"{self._base_url}{path}"
        async with exchange(self._client, "GET", url, headers=self._headers()) as response:
            if response.status_code != OK:
                raise await self._refusal(response)
            return await read_bounded(response, limit)

    def _headers(self) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self._api_key.get_secret_value().strip()}",
            "http-referer": header_safe(self._attribution.site_url),
            "x-openrouter-title": header_safe(self._attribution.title),
            # A compressed stream is delivered in lumps.
            "accept-encoding": "identity",
        }

    def _epoch(self) -> float:
        return self._clock.now().timestamp()


def request_body(call: Call) -> dict[str, Any]:
    """Build the body of a chat completion (OpenRouter docs, parameters).

    `max_tokens` is always there: without it the balance is checked against the model's maximum.
    """
    spec, prompt = call.spec, call.prompt
    body: dict[str, Any] = {
        "model": spec.slug,
        "messages": chat_messages(prompt),
        "max_tokens": spec.max_tokens,
        "stream": True,
        "usage": {"include": True},
        "user": user_hash(call.request_id),
    }
    if spec.temperature_allowed:
        body["temperature"] = prompt.temperature
    if spec.reasoning_budget is not None:
        body["reasoning"] = {"max_tokens": spec.reasoning_budget}
    elif spec.reasoning_effort is not None:
        body["reasoning"] = {"effort": spec.reasoning_effort}
    if prompt.json_schema is not None and spec.json_schema_supported:
        body["response_format"] = json_schema_format(prompt.json_schema)
        # Otherwise a provider that ignores the schema may be chosen.
        body["provider"] = {"require_parameters": True}
    return body
