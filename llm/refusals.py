"""OpenRouter's error envelope in all its dialects (OpenRouter docs, errors-and-debugging)."""

from collections.abc import Mapping
from typing import Any, Final

from llm import lenient
from llm.failures import FailureKind, Refused
from llm.hints import retry_after_s
from llm.lenient import row, table

_KIND_BY_TYPE: Final = {
    "authentication": FailureKind.UNAUTHORIZED,
    "payment_required": FailureKind.PAYMENT_REQUIRED,
    "permission_denied": FailureKind.FORBIDDEN,
    "content_policy_violation": FailureKind.FORBIDDEN,
    "refusal": FailureKind.FORBIDDEN,
    "not_found": FailureKind.NOT_FOUND,
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
    "server": FailureKind.SERVER,
    "server_error": FailureKind.SERVER,
    "unmapped": FailureKind.SERVER,
    "provider_unavailable": FailureKind.SERVER,
    "provider_overloaded": FailureKind.OVERLOADED,
    "timeout": FailureKind.GATEWAY_TIMEOUT,
    **dict.fromkeys(
        (
            "context_length_exceeded",
            "max_tokens_exceeded",
            "token_limit_exceeded",
            "string_too_long",
            "invalid_request",
            "invalid_prompt",
            "precondition_failed",
            "payload_too_large",
            "unprocessable",
        ),
        FailureKind.BAD_REQUEST,
    ),
}
_KIND_BY_STATUS: Final = {
    401: FailureKind.UNAUTHORIZED,
    402: FailureKind.PAYMENT_REQUIRED,
    403: FailureKind.FORBIDDEN,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.GATEWAY_TIMEOUT,
    409: FailureKind.SERVER,
    425: FailureKind.SERVER,
    429: FailureKind.RATE_LIMITED,
    503: FailureKind.OVERLOADED,
    504: FailureKind.GATEWAY_TIMEOUT,
    524: FailureKind.GATEWAY_TIMEOUT,
    529: FailureKind.OVERLOADED,
}
_LOWEST_REDIRECT, _LOWEST_ERROR, _LOWEST_SERVER_ERROR, _HIGHEST_ERROR = 300, 400, 500, 600
_BAD_GATEWAY: Final = 502


def kind_by_status(status: int) -> FailureKind:
    """Return what a bare status means.

    A redirect is a wrong address, hence a bad request; an error inside a 200 the server's fault.
    """
    if status in _KIND_BY_STATUS:
        return _KIND_BY_STATUS[status]
    ours = _LOWEST_REDIRECT <= status < _LOWEST_SERVER_ERROR
    return FailureKind.BAD_REQUEST if ours else FailureKind.SERVER


def read_refusal(
    envelope: Mapping[str, Any], *, status: int, headers: Mapping[str, str], now: float
) -> Refused:
    """Read a body, chunk or choice that carries `error`; `status` is the response line's.

    What to do is decided by `availability`, then by `error_type`, then by the status that is
    most likely meant. `now` is epoch seconds.
    """
    error = table(envelope.get("error"))
    kind = _kind(envelope, error, status)
    availability = table(error.get("availability"))
    retryable = availability.get("retryable")
    if not isinstance(retryable, bool):
        retryable = True if kind is FailureKind.NOT_FOUND and _flickers(error) else None
    return Refused(
        kind,
        _message(envelope, error),
        http_status=status,
        code=_code(envelope, error),
        retry_after_s=retry_after_s(headers, error, now),
        retryable=retryable,
    )


def _kind(envelope: Mapping[str, Any], error: Mapping[str, Any], status: int) -> FailureKind:
    named = _KIND_BY_TYPE.get(_error_type(envelope, error) or "")
    kind = named or kind_by_status(_meant_status(error, status))
    if kind is FailureKind.RATE_LIMITED and _is_upstream(error):
        return FailureKind.UPSTREAM_RATE_LIMITED
    return kind


def _error_type(envelope: Mapping[str, Any], error: Mapping[str, Any]) -> str | None:
    """Find the type: in `metadata` on chat, beside the message elsewhere, or as a symbolic code."""
    places = (table(error.get("metadata")), error, envelope)
    for place in places:
        if found := lenient.name(place.get("error_type")):
            return found
    code = error.get("code")
    return code if isinstance(code, str) and not code.isdecimal() else None


def _meant_status(error: Mapping[str, Any], status: int) -> int:
    """A 200 was sent before the outcome was known: then the body tells it."""
    if status >= _LOWEST_REDIRECT:
        return status
    for candidate in (error.get("code"), error.get("http_status")):
        told = lenient.number(candidate)
        if told is not None and _LOWEST_ERROR <= told < _HIGHEST_ERROR:
            return int(told)
    return _BAD_GATEWAY


def _is_upstream(error: Mapping[str, Any]) -> bool:
    """Tell a provider's 429 from OpenRouter's own, which concerns the whole key."""
    metadata = table(error.get("metadata"))
    source = lenient.text(metadata.get("limit_source"))
    if source:
        return source.startswith("upstream")
    if table(error.get("availability")).get("code") == "capacity_exhausted":
        return True
    message = lenient.text(error.get("message")).lower()
    return bool(metadata.get("provider_name")) or "provider returned error" in message


def _flickers(error: Mapping[str, Any]) -> bool:
    """Know the two 404s that pass by themselves, reported from long runs in public issues."""
    message = lenient.text(error.get("message")).lower()
    if message.startswith("no endpoints found that support"):
        return True
    metadata = table(error.get("metadata"))
    bare = bool(metadata.get("provider_name")) and not metadata.get("raw")
    return "provider returned error" in message and bare


def _code(envelope: Mapping[str, Any], error: Mapping[str, Any]) -> str | None:
    return (
        lenient.name(error.get("code"))
        or lenient.name(table(error.get("availability")).get("code"))
        or _error_type(envelope, error)
        or lenient.name(error.get("http_status"))
    )


def _message(envelope: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    """Join OpenRouter's words with the upstream cause, which is often JSON inside a string."""
    own = lenient.text(error.get("message")) or lenient.text(envelope.get("error"))
    cause = _upstream_cause(table(error.get("metadata")).get("raw"))
    return f"{own} ({cause})" if cause and cause not in own else own


def _upstream_cause(raw: object) -> str:
    if isinstance(raw, str):
        try:
            raw = lenient.load(raw)
        except ValueError:
            return "" if "<" in lenient.text(raw) else lenient.text(raw)
    if isinstance(raw, list):
        raw = next(iter(row(raw)), None)
    inner = table(raw).get("error")
    return lenient.text(table(inner).get("message")) or lenient.text(table(raw).get("message"))
