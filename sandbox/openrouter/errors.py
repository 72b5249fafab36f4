"""OpenRouter's refusals with a true status.

Source: OpenRouter API reference, errors-and-debugging and limits; the `availability` object
as introduced in August 2026.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sandbox.scenario import Step
from sandbox.wire import Script, html, reply

_SLOW = frozenset({"408", "504", "524"})
_UPSTREAM = "Provider returned error"


@dataclass(frozen=True, slots=True)
class Failure:
    """The parts of an error body; `status` is the HTTP status and `error.code`."""

    status: int
    message: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    availability: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False

    @property
    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.status, "message": self.message}
        if self.metadata:
            error["metadata"] = dict(self.metadata)
        if self.availability:
            error["availability"] = dict(self.availability)
        return {"error": error, "user_id": "user_2sandbox"}

    def script(self, after_s: float = 0) -> Script:
        return reply(self.body, status=self.status, after_s=after_s, headers=self.headers)


@dataclass(frozen=True, slots=True)
class _Case:
    model: str
    provider: str
    step: Step
    now: float


def _typed(status: int, message: str, error_type: str, **more: Any) -> Failure:
    return Failure(status, message, {"error_type": error_type, **more})


def _upstream(status: int, error_type: str, case: _Case, raw: str, **more: Any) -> Failure:
    return _typed(status, _UPSTREAM, error_type, provider_name=case.provider, raw=raw, **more)


def _available(code: str, case: _Case, *, retryable: bool, **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "retryable": retryable,
        "retry_after": None,
        "requested_models": [case.model],
        "docs_url": "https://openrouter.ai/docs/api-reference/errors",
        **more,
    }


def _unavailable(
    status: int, message: str, code: str, case: _Case, *, retryable: bool = False, **more: Any
) -> Failure:
    kind = {400: "invalid_request", 403: "permission_denied", 404: "not_found"}
    kind |= {429: "rate_limit_exceeded", 503: "provider_overloaded"}
    availability = _available(code, case, retryable=retryable, **more)
    return Failure(status, message, {"error_type": kind[status]}, availability)


def _unknown_model(case: _Case) -> Failure:
    message = f"{case.model} is not a valid model ID"
    return _unavailable(400, message, "model_not_found", case)


def _no_endpoints(case: _Case) -> Failure:
    return _unavailable(404, f"No endpoints found for {case.model}.", "no_endpoints", case)


def _no_endpoints_for_now(case: _Case) -> Failure:
    message = f"No endpoints found for {case.model} that can serve this request right now."
    return _unavailable(404, message, "no_endpoints", case, retryable=True)


def _deprecated(case: _Case) -> Failure:
    message = f"{case.model} has been deprecated."
    instead = ["google/gemini-3.8-flash"]
    return _unavailable(404, message, "model_deprecated", case, fallback_models=instead)


def _region(case: _Case) -> Failure:
    message = "This model is not available in your region."
    return _unavailable(403, message, "region_restricted", case)


def _moderation(case: _Case) -> Failure:
    return _typed(
        403,
        f"{case.model} requires moderation on {case.provider}. Your input was flagged.",
        "permission_denied",
        reasons=["violence"],
        flagged_input="Beschreibung des Pferdes...",
        provider_name=case.provider,
        model_slug=case.model,
    )


def _platform_limit(case: _Case) -> Failure:
    reset_ms = str(int((case.now + case.step.retry_after) * 1000))
    headers = {
        "X-RateLimit-Limit": "20",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": reset_ms,
    }
    failure = _typed(
        429, "Rate limit exceeded: requests-per-min.", "rate_limit_exceeded", headers=headers
    )
    return Failure(429, failure.message, failure.metadata, headers=headers)


def _upstream_limit(case: _Case) -> Failure:
    return _upstream(
        429,
        "rate_limit_exceeded",
        case,
        f"{case.model} is temporarily rate-limited upstream. Please retry shortly.",
        limit_source="upstream_provider_shared_pool",
    )


def _with_retry_after(failure: Failure, case: _Case) -> Failure:
    hint = {"Retry-After": str(case.step.retry_after)}
    return Failure(failure.status, failure.message, failure.metadata, headers=hint)


def _capacity(case: _Case) -> Failure:
    message = f"All providers of {case.model} are at capacity."
    after = case.step.retry_after
    return _unavailable(429, message, "capacity_exhausted", case, retryable=True, retry_after=after)


def _overloaded_for_now(case: _Case) -> Failure:
    message = f"{case.model} is temporarily unavailable."
    after = case.step.retry_after
    return _unavailable(
        503, message, "temporarily_unavailable", case, retryable=True, retry_after=after
    )


def _payment(_case: _Case) -> Failure:
    message = (
        "This request requires more credits, or fewer max_tokens. You requested up to 65536 "
        "tokens, but can only afford 812."
    )
    return _typed(402, message, "payment_required")


def _no_provider(_case: _Case) -> Failure:
    message = "No available model provider meets your routing requirements"
    return _typed(503, message, "provider_overloaded")


_CASES: Mapping[str, Callable[[_Case], Failure]] = MappingProxyType(
    {
        "400_bad_param": lambda _: _typed(
            400, "temperature: Expected number, received string", "invalid_request"
        ),
        "400_unknown_model": _unknown_model,
        "400_context": lambda c: _typed(
            400,
            f"This endpoint's maximum context length for {c.model} is exceeded. Please reduce "
            "the length of the messages.",
            "context_length_exceeded",
        ),
        "400_reasoning_mandatory": lambda _: _typed(
            400,
            "Reasoning is mandatory for this endpoint and cannot be disabled.",
            "invalid_request",
        ),
        "400_upstream": lambda c: _upstream(
            400,
            "invalid_request",
            c,
            '{"error":{"message":"Request contains an invalid argument."}}',
        ),
        "401": lambda _: _typed(401, "User not found.", "authentication"),
        "402": _payment,
        "403_moderation": _moderation,
        "403_guardrail": lambda _: _typed(
            403, "Request blocked by guardrail.", "permission_denied", patterns=["email"]
        ),
        "403_region": _region,
        "404_no_endpoints": _no_endpoints,
        "404_deprecated": _deprecated,
        "404_availability_retryable": _no_endpoints_for_now,
        "404_upstream": lambda c: _upstream(404, "not_found", c, ""),
        "408": lambda _: _typed(408, "Request timed out", "timeout"),
        "413": lambda _: _typed(413, "Request payload is too large", "payload_too_large"),
        "422": lambda _: _typed(422, "Request is semantically invalid", "unprocessable"),
        "429_platform": _platform_limit,
        "429_upstream": _upstream_limit,
        "429_retry_after": lambda c: _with_retry_after(_upstream_limit(c), c),
        "429_availability": _capacity,
        "429_quota": _payment,
        "500": lambda _: _typed(500, "Internal Server Error", "server"),
        "502": lambda c: _upstream(502, "provider_unavailable", c, '{"error":"bad gateway"}'),
        "503": _no_provider,
        "503_retry_after": lambda c: _with_retry_after(_no_provider(c), c),
        "503_availability": _overloaded_for_now,
        "504": lambda c: _upstream(504, "timeout", c, "upstream request timeout"),
        "524": lambda c: _upstream(524, "timeout", c, "error code: 524"),
        "529": lambda c: _upstream(
            529, "provider_overloaded", c, '{"type":"overloaded_error","message":"Overloaded"}'
        ),
    }
)


def failure(
    name: str,
    *,
    model: str = "the requested model",
    provider: str = "Google",
    step: Step | None = None,
    message: str | None = None,
    now: float | None = None,
) -> Failure:
    """The refusal called `name`; `message` replaces the usual one. Raises KeyError."""
    step = step or Step(name=name)
    moment = time.time() if now is None else now
    found = _CASES[name](_Case(model, step.provider or provider, step, moment))
    return Failure(
        status=found.status,
        message=message or found.message,
        metadata=found.metadata,
        availability=found.availability,
        headers=found.headers,
        slow=name in _SLOW,
    )


def refused(step: Step, model: str, provider: str, *, latency_s: float, refusal_s: float) -> Script:
    """The script of a STATUS outcome; only time-outs take the model's latency."""
    if step.name == "52x_html":
        return html(step.status, latency_s)
    found = failure(step.name, model=model, provider=provider, step=step)
    return found.script(latency_s if found.slow else refusal_s)
