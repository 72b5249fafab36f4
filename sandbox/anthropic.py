"""Anthropic's Messages API. Source: Anthropic API reference (messages, errors)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from sandbox import credentials
from sandbox.completion import Ask, Completion, wants_certificate
from sandbox.direct import Dialect, Question, Vendor
from sandbox.messages import Content, Message, conversation
from sandbox.scenario import Step
from sandbox.wire import Script, reply
from sandbox.world import World

_TYPES: Mapping[int, str] = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        422: "invalid_request_error",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
)
_MESSAGES: Mapping[int, str] = MappingProxyType(
    {
        401: "invalid x-api-key",
        402: "Your credit balance is too low to access the Anthropic API.",
        413: "Request exceeds the maximum size",
        429: "This request would exceed your account's rate limit. Please try again later.",
        500: "Internal server error",
        504: "Request timed out",
        529: "Overloaded",
    }
)
_STOPS: Mapping[str | None, str | None] = MappingProxyType(
    {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", None: None}
)


class _Thinking(BaseModel):
    type: str
    budget_tokens: int | None = None


class _OutputConfig(BaseModel):
    format: dict[str, Any] | None = None
    effort: str | None = None


class _Body(BaseModel):
    model: str
    max_tokens: int = Field(ge=1)
    messages: list[Message] = Field(min_length=1)
    system: Content = None
    temperature: float | None = Field(None, ge=0, le=1)
    top_p: float | None = None
    top_k: int | None = None
    stream: bool = False
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None

    @property
    def sampled(self) -> bool:
        moved = self.temperature not in {None, 1.0}
        return moved or self.top_p is not None or self.top_k is not None

    @property
    def has_system_message(self) -> bool:
        return any(message.role not in {"user", "assistant"} for message in self.messages)

    def ask(self) -> Ask:
        system, user = self.system or "", conversation(self.messages)
        config = self.output_config or _OutputConfig()
        off = self.thinking is not None and self.thinking.type == "disabled"
        return Ask(
            system=system,
            user=user,
            max_tokens=self.max_tokens,
            wants_json=wants_certificate(system, user, config.format),
            effort="none" if off else config.effort or "medium",
            thinking_budget=self.thinking.budget_tokens if self.thinking else None,
        )


def _refusal(status: int, message: str, after_s: float = 0, **more: Any) -> Script:
    headers = more.pop("headers", {})
    error = {"type": _TYPES.get(status, "api_error"), "message": message, **more}
    body = {"type": "error", "error": error, "request_id": "req_011sandbox"}
    headers = {"request-id": "req_011sandbox", **headers}
    return reply(body, status=status, after_s=after_s, headers=headers)


def _refuse(step: Step, after_s: float) -> Script:
    status = int(step.name[:3])
    message = _MESSAGES.get(status, "The request could not be served")
    if step.name == "429_quota":
        details = {"error_code": "enforced_spend_limit_reached"}
        return _refusal(429, message, after_s, details=details)
    headers = {"retry-after": str(step.retry_after)} if "retry_after" in step.name else {}
    return _refusal(status, message, after_s, headers=headers)


def _read(request: web.Request, raw: bytes, world: World) -> Question | Script:
    if "anthropic-version" not in request.headers:
        return _refusal(400, "anthropic-version: header is required")
    try:
        body = _Body.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        return _refusal(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    return _unfit(body) or _question(body, world)


def _unfit(body: _Body) -> Script | None:
    if body.has_system_message:
        return _refusal(400, 'messages: Unexpected role "system". Use the top-level `system`.')
    if body.stream:
        return _refusal(400, "stream: the sandbox answers this endpoint without streaming")
    return None


def _question(body: _Body, world: World) -> Question | Script:
    model = world.catalogue.direct("anthropic", body.model)
    if model is None or model.slug in world.scenario.retired_models:
        return _refusal(404, f"model: {body.model}")
    if body.max_tokens > model.max_output:
        return _refusal(400, f"max_tokens: {body.max_tokens} > {model.max_output}")
    budgeted = body.thinking is not None and body.thinking.budget_tokens is not None
    if not model.samples and (body.sampled or budgeted):
        return _refusal(400, "temperature, top_p, top_k and budget_tokens are not supported")
    return Question(body.model, model, body.ask())


def _answer(question: Question, done: Completion, reply_id: str) -> dict[str, Any]:
    refused = done.refusal is not None or done.finish == "content_filter"
    return {
        "id": reply_id,
        "type": "message",
        "role": "assistant",
        "model": question.model_id,
        "content": _blocks(done),
        "stop_reason": "refusal" if refused else _STOPS[done.finish],
        "stop_sequence": None,
        "stop_details": {"type": "refusal", "category": None} if refused else None,
        "usage": {
            "input_tokens": done.prompt_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": done.completion_tokens,
            "output_tokens_details": {"thinking_tokens": done.reasoning_tokens},
            "service_tier": "standard",
        },
    }


def _blocks(done: Completion) -> list[dict[str, Any]]:
    thought = {"type": "thinking", "thinking": "", "signature": "EqQBCgIYAhIkc2FuZGJveA=="}
    text = {"type": "text", "text": done.text}
    return [*([thought] if done.reasoning_tokens else []), *([text] if done.text else [])]


def models(request: web.Request, world: World) -> Script:
    """Answer `GET /v1/models`."""
    if credentials.is_refused(request.headers.get("x-api-key", "")):
        return _refuse(Step(name="401"), 0)
    ours = [m for m in world.catalogue.models if m.slug.startswith("anthropic/")]
    data = [{"type": "model", "id": m.direct_id, "display_name": m.name} for m in ours]
    return reply({"data": data, "has_more": False})


def vendor(world: World) -> Vendor:
    dialect = Dialect(
        vendor="anthropic",
        path="/v1/messages",
        id_prefix="msg_01",
        nothing={"content": []},
        key=lambda request: request.headers.get("x-api-key", ""),
        read=_read,
        refuse=_refuse,
        answer=_answer,
    )
    return Vendor(world, dialect)
