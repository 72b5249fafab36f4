"""From one call to what is kept of it: the attempt's record, and the answer if it is one."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.acceptance import Accepted, Rejected
from domain.answer import Answer, Attempt, AttemptOutcome, PromptStamp, Usage
from llm.catalogue import ModelSpec, display_name
from llm.completion import Completion, Receipt
from llm.failures import ModelFailure

_WORDS: Final = re.compile(r"[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as it began."""

    spec: ModelSpec
    prompt: PromptStamp
    started_at: datetime
    retry_number: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What the call took, however it ended."""

    usage: Usage
    latency_ms: int


def failed_attempt(asked: Asked, failure: ModelFailure, spent: Spent) -> Attempt:
    return _attempt(asked, failure.receipt, spent, failure.outcome).model_copy(
        update={
            "error_type": failure.kind.value,
            "error_code": failure.code,
            "error_message": failure.message or None,
            "http_status": failure.http_status,
        }
    )


def interrupted_attempt(asked: Asked, spent: Spent) -> Attempt:
    """The job was withdrawn or handed back while the model worked."""
    return _attempt(asked, Receipt(), spent, AttemptOutcome.OTHER).model_copy(
        update={"error_type": "interrupted"}
    )


def accepted_attempt(asked: Asked, completion: Completion, spent: Spent) -> Attempt:
    return _attempt(asked, completion.receipt, spent, AttemptOutcome.ACCEPTED)


def unaccepted_attempt(
    asked: Asked, completion: Completion, verdict: Rejected, spent: Spent
) -> Attempt:
    return _attempt(asked, completion.receipt, spent, AttemptOutcome.UNACCEPTED).model_copy(
        update={"verdict": verdict.reasons, "rejected_text": completion.text}
    )


def accepted_answer(
    attempt: Attempt, asked: Asked, verdict: Accepted, accepted_at: datetime
) -> Answer:
    return Answer(
        text=verdict.text,
        certificate=verdict.certificate,
        price_low=verdict.price_low,
        price_high=verdict.price_high,
        currency=verdict.currency,
        tier=attempt.tier,
        model_asked=attempt.model_asked,
        model_served=attempt.model_served or attempt.model_asked,
        model_name=_name_of(attempt.model_served, asked.spec),
        provider=attempt.provider,
        generation_id=attempt.generation_id,
        usage=attempt.usage,
        latency_ms=attempt.latency_ms,
        prompt=attempt.prompt,
        accepted_at=accepted_at,
    )


def _name_of(served: str | None, spec: ModelSpec) -> str:
    """Return the asked model's name unless another one served; dates in a slug make no other."""
    if served is None or set(_WORDS.findall(spec.slug)) <= set(_WORDS.findall(served)):
        return spec.name
    return display_name(served)


def _attempt(asked: Asked, receipt: Receipt, spent: Spent, outcome: AttemptOutcome) -> Attempt:
    return Attempt(
        started_at=asked.started_at,
        tier=asked.spec.tier,
        model_asked=asked.spec.slug,
        model_served=receipt.model_served,
        provider=receipt.provider,
        generation_id=receipt.generation_id,
        outcome=outcome,
        retry_number=asked.retry_number,
        usage=spent.usage,
        latency_ms=spent.latency_ms,
        prompt=asked.prompt,
    )
