"""What customers read: German, complete, and nothing of what happened inside."""

import itertools
import re

import pytest

from domain.customer_messages import (
    ERROR_MESSAGES,
    PublicCode,
    progress_message,
    trouble_of,
    unpaid_message,
)
from domain.job import Job, Kind, Reason, ReasonCode, Stage, State
from tests.builders import NOW, SESSION_ID

_INTERNALS = re.compile(
    r"(?i)openrouter|stripe|anthropic|openai|gemini|claude|mongo|redis|webhook|queue|http|\bapi\b"
    r"|timeout|token|exception|null|none|[{}_]"
)


def job(state: State, **changes: object) -> Job:
    fields: dict[str, object] = {
        "id": f"valuation:{SESSION_ID}", "kind": Kind.VALUATION, "session_id": SESSION_ID,
        "state": state, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return Job.model_validate(fields | changes)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("state", State)
def test_every_state_has_a_message(kind: Kind, state: State) -> None:
    """Whatever a job is in, with whichever reason and stage, there is a clean sentence."""
    reasons = [None, *(Reason(code=code, detail="expected 1490 EUR") for code in ReasonCode)]

    for reason, stage in itertools.product(reasons, [None, *Stage]):
        message = progress_message(job(state, kind=kind, reason=reason, stage=stage))

        assert message.endswith((".", "!"))
        assert message[0].isupper()
        assert not _INTERNALS.search(message)
        assert "1490" not in message


def test_product_is_named() -> None:
    """A certificate is not called a valuation."""
    assert "dein Wertgutachten" in progress_message(job(State.DELIVERED, kind=Kind.CERTIFICATE))
    assert "deine Bewertung" in progress_message(job(State.DELIVERED))


@pytest.mark.parametrize("code", PublicCode)
def test_every_public_code_has_a_message(code: PublicCode) -> None:
    """The front end's codes all have their sentence."""
    assert not _INTERNALS.search(ERROR_MESSAGES[code].format(product="deine Bewertung"))


def test_unpaid() -> None:
    """Nobody is told that a payment was received when it was not."""
    assert "noch keine Zahlungsbestätigung" in unpaid_message()


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        (State.QUEUED, None, None),
        (State.RUNNING, ReasonCode.CHAIN_EXHAUSTED, None),
        (State.DELIVERED, None, None),
        (State.WAITING, ReasonCode.CHAIN_EXHAUSTED, PublicCode.RATE_LIMIT_EXCEEDED),
        (State.WAITING, None, PublicCode.RATE_LIMIT_EXCEEDED),
        (State.WAITING, ReasonCode.ORDER_MISSING, PublicCode.GENERAL),
        (State.PARKED, ReasonCode.CHAIN_EXHAUSTED, PublicCode.GENERAL),
        (State.PARKED, None, PublicCode.GENERAL),
        (State.CANCELLED, ReasonCode.REFUNDED, PublicCode.GENERAL),
    ],
)
def test_public_code(state: State, reason: ReasonCode | None, expected: PublicCode | None) -> None:
    """Trouble is told only while it lasts, in the front end's own codes."""
    found = trouble_of(job(state, reason=Reason(code=reason) if reason else None))

    assert (found.code if found else None) is expected
