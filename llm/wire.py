"""From a chat completion body to a completion or a failure. Pure; the shape is OpenAI's.

A 200 says nothing about success: OpenRouter commits the status and pads the body with white
space while the model still works.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from llm import lenient
from llm.completion import Completion, Receipt
from llm.failures import FailureKind, Unintelligible
from llm.lenient import row, table
from llm.pricing import Tokens
from llm.refusals import read_refusal

_NATIVE_LENGTH: Final = frozenset({"max_tokens", "max_output_tokens", "length"})
_NATIVE_FILTER: Final = frozenset(
    {"safety", "recitation", "prohibited_content", "blocklist", "spii", "refusal"}
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One finished turn of a model, before it is called an answer."""

    text: str
    finish_reason: str | None
    refusal: str
    receipt: Receipt


def read_completion(body: bytes, headers: Mapping[str, str], now: float) -> Completion:
    """Read the body of a 200; raises Refused or Unintelligible. `now` is epoch seconds."""
    payload = read_object(body)
    receipt = read_receipt(payload)
    choice = table(next(iter(row(payload.get("choices"))), None))
    raise_error(payload, choice, receipt, headers=headers, now=now)
    message = table(choice.get("message"))
    return conclude(
        Turn(
            text=read_text(message.get("content")),
            finish_reason=read_finish(choice),
            refusal=lenient.text(message.get("refusal")),
            receipt=receipt,
        )
    )


def read_object(body: bytes) -> dict[str, Any]:
    """Parse a body that should be one JSON object; raises Unintelligible."""
    try:
        payload = lenient.load(body)
    except ValueError:
        raise _not_json(body) from None
    if not isinstance(payload, dict):
        raise Unintelligible(FailureKind.MALFORMED, "JSON, but no object")
    return payload


def raise_error(
    payload: Mapping[str, Any],
    choice: Mapping[str, Any],
    receipt: Receipt,
    *,
    headers: Mapping[str, str],
    now: float,
    status: int = 200,
) -> None:
    """Raise Refused when a body or chunk carries an error, wherever it hides."""
    source = next((place for place in (payload, choice) if place.get("error")), None)
    if source is None and choice.get("finish_reason") == "error":
        source = {"error": {"message": "finish_reason error without a cause"}}
    if source is None:
        return
    refused = read_refusal(source, status=status, headers=headers, now=now)
    refused.receipt = receipt
    raise refused


def conclude(turn: Turn) -> Completion:
    """Decide whether a finished turn is an answer; raises Unintelligible.

    A text without any finish reason passes: the transport was complete, and whether the text
    is so is judged with the text.
    """
    kind: FailureKind | None = None
    if turn.refusal:
        kind = FailureKind.REFUSAL
    elif turn.finish_reason == "content_filter":
        kind = FailureKind.FILTERED
    elif turn.finish_reason == "length":
        kind = FailureKind.TRUNCATED
    elif not turn.text.strip():
        kind = FailureKind.EMPTY
    if kind is not None:
        raise Unintelligible(kind, f"finish_reason {turn.finish_reason}", receipt=turn.receipt)
    # Somebody pays for an answer, also when nobody says how much: that makes it an estimate.
    receipt = replace(turn.receipt, tokens=turn.receipt.tokens or Tokens())
    return Completion(turn.text, turn.finish_reason, receipt)


def read_receipt(payload: Mapping[str, Any]) -> Receipt:
    return Receipt(
        model_served=lenient.name(payload.get("model")),
        provider=lenient.name(payload.get("provider")),
        generation_id=lenient.name(payload.get("id")),
        tokens=read_tokens(payload.get("usage")),
    )


def read_tokens(usage: object) -> Tokens | None:
    """Read `usage`, any part of which may be null; None when nothing was reported."""
    counts = table(usage)
    if not counts:
        return None
    return Tokens(
        input=lenient.count(counts.get("prompt_tokens")),
        output=lenient.count(counts.get("completion_tokens")),
        reasoning=lenient.count(
            table(counts.get("completion_tokens_details")).get("reasoning_tokens")
        ),
        cached=lenient.count(table(counts.get("prompt_tokens_details")).get("cached_tokens")),
        cost=lenient.money(counts.get("cost")),
    )


def read_finish(choice: Mapping[str, Any]) -> str | None:
    """Return the finish reason; the provider's own word decides where it is more telling."""
    native = lenient.text(choice.get("native_finish_reason")).lower()
    if native in _NATIVE_FILTER:
        return "content_filter"
    if native in _NATIVE_LENGTH:
        return "length"
    return lenient.name(choice.get("finish_reason"))


def read_text(content: object) -> str:
    """Return the text of a string or of an array of parts; other parts are passed over."""
    if isinstance(content, list):
        return "".join(_read_part(part) for part in content)
    return lenient.text(content)


def _read_part(part: object) -> str:
    if isinstance(part, str):
        return lenient.text(part)
    fields = table(part)
    kind = fields.get("type", "text")
    return lenient.text(fields.get("text")) if kind in ("text", "output_text") else ""


def _not_json(body: bytes) -> Unintelligible:
    """Padding alone or the beginning of an object is a body that was cut; the rest is noise."""
    start = body.lstrip()[:1]
    if start in (b"", b"{"):
        return Unintelligible(FailureKind.CUT, "the body ends before its JSON does")
    return Unintelligible(FailureKind.MALFORMED, "HTML" if start == b"<" else "not JSON")
