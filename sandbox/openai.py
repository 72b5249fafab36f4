"""OpenAI's Chat Completions. Source: OpenAI API reference (chat, error codes)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from sandbox import anthropic, credentials
from sandbox.catalogue import Model
from sandbox.completion import Ask, Completion, wants_certificate
from sandbox.direct import Dialect, Question, Vendor
from sandbox.messages import Message, conversation, instructions
from sandbox.scenario import Step
from sandbox.wire import Script, play, reply
from sandbox.world import World

# type, code, message
_ERRORS: Mapping[int, tuple[str, str | None, str]] = MappingProxyType(
    {
        400: ("invalid_request_error", None, "The request is not valid."),
        401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
        403: (
            "request_forbidden",
            "unsupported_country_region_territory",
            "Country, region, or territory not supported",
        ),
        404: ("invalid_request_error", "model_not_found", "The model does not exist."),
        429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
        500: ("server_error", None, "The server had an error while processing your request."),
        503: ("server_error", "server_is_overloaded", "The server is overloaded."),
    }
)
_QUOTA = (
    "insufficient_quota",
    "credit_balance_exhausted",
    "You exceeded your current quota, please check your plan and billing details.",
)
# Statuses OpenAI does not use, and what it says instead.
_SPOKEN_AS: Mapping[int, int] = MappingProxyType({402: 429, 529: 503, 502: 500, 504: 503})


class _Body(BaseModel):
    model: str
    messages: list[Message] = Field(min_length=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    stream: bool = False
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None

    def ask(self, model: Model) -> Ask:
        system, user = instructions(self.messages), conversation(self.messages)
        return Ask(
            system=system,
            user=user,
            max_tokens=self.max_completion_tokens or self.max_tokens or model.max_output,
            wants_json=wants_certificate(system, user, self.response_format),
            effort=self.reasoning_effort or "medium",
        )

    def unsupported(self, model: Model) -> str | None:
        """The parameter a reasoning model refuses, None when all are fine."""
        if model.samples:
            return None
        if self.max_tokens is not None:
            return "max_tokens"
        return "temperature" if self.temperature not in {None, 1.0} else None


def _refusal(
    status: int,
    error: tuple[str, str | None, str],
    after_s: float = 0,
    *,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Script:
    kind, code, message = error
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    headers = {"x-request-id": "req_sandbox", **(headers or {})}
    return reply(body, status=status, after_s=after_s, headers=headers)


def _refuse(step: Step, after_s: float) -> Script:
    named = int(step.name[:3])
    status = _SPOKEN_AS.get(named, named)
    if step.name == "429_quota" or named == 402:
        return _refusal(429, _QUOTA, after_s)
    error = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
    headers = {"retry-after": str(step.retry_after)} if "retry_after" in step.name else {}
    return _refusal(status, error, after_s, headers=headers)


def _invalid(message: str, *, param: str | None = None, code: str | None = None) -> Script:
    return _refusal(400, ("invalid_request_error", code, message), param=param)


def _read(_request: web.Request, raw: bytes, world: World) -> Question | Script:
    try:
        body = _Body.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        return _invalid(f"{where}: {first['msg']}", param=where)
    if body.stream:
        return _invalid("The sandbox answers this endpoint without streaming.", param="stream")
    model = world.catalogue.direct("openai", body.model)
    if model is None or model.slug in world.scenario.retired_models:
        return _refusal(404, _ERRORS[404], param=None)
    refused = body.unsupported(model)
    if refused is not None:
        message = f"Unsupported parameter: '{refused}' is not supported with this model."
        return _invalid(message, param=refused, code="unsupported_parameter")
    return Question(body.model, model, body.ask(model))


def _answer(question: Question, done: Completion, reply_id: str) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": done.text,
        "refusal": done.refusal,
        "annotations": [],
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": done.finish}
    return {
        "id": reply_id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": question.model_id,
        "choices": [choice],
        "usage": {
            "prompt_tokens": done.prompt_tokens,
            "completion_tokens": done.completion_tokens,
            "total_tokens": done.prompt_tokens + done.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": done.reasoning_tokens},
        },
        "service_tier": "default",
        "system_fingerprint": None,
    }


def vendor(world: World) -> Vendor:
    dialect = Dialect(
        vendor="openai",
        path="/v1/chat/completions",
        id_prefix="chatcmpl-",
        nothing={"choices": []},
        key=credentials.bearer,
        read=_read,
        refuse=_refuse,
        answer=_answer,
    )
    return Vendor(world, dialect)


class Models:
    """`GET /v1/models`, which Anthropic has under the same path and with another key header."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/models", self.models)]

    async def models(self, request: web.Request) -> web.StreamResponse:
        if "x-api-key" in request.headers:
            return await play(request, anthropic.models(request, self._world))
        if credentials.is_refused(credentials.bearer(request)):
            return await play(request, _refusal(401, _ERRORS[401]))
        listed = [_listed(m) for m in self._world.catalogue.models if m.slug.startswith("openai/")]
        return await play(request, reply({"object": "list", "data": listed}))


def _listed(model: Model) -> dict[str, Any]:
    return {
        "id": model.direct_id,
        "object": "model",
        "created": 1_750_000_000,
        "owned_by": "system",
        "shutdown_date": model.expires,
    }
