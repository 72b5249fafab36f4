"""What a newer build wrote, read by this one."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from domain.duties import after_delivery, after_parking, owed_in
from domain.job import (
    Job,
    Kind,
    MailDuty,
    MailState,
    MailTo,
    Reason,
    ReasonCode,
    Stage,
    State,
)
from tests.builders import NOW

THANKS = MailTo("thanks")
HELD = MailDuty(state=MailState("held"))


def read(**changes: Any) -> Job:
    fields = {"_id": "valuation:cs_1", "session_id": "cs_1", "created_at": NOW, "updated_at": NOW}
    return Job.model_validate(fields | {"kind": "valuation", "state": "parked"} | changes)


@pytest.mark.parametrize("word", ["thanks", "CUSTOMER", "", "a b"])
def test_an_unknown_word_stays_itself(word: str) -> None:
    """It equals its text, survives JSON, and joins no list of the known."""

    class Shape(BaseModel):
        to: MailTo

    found = Shape.model_validate({"to": word}).to
    assert (found, found.value, str(found), found.is_known) == (word, word, word, False)
    assert found == MailTo(word)
    assert {found: 1}[MailTo(word)] == 1
    assert found not in [*MailTo]
    assert Shape.model_validate_json(Shape(to=found).model_dump_json()).to == word
    assert all(to.is_known for to in MailTo)


@pytest.mark.parametrize("odd", [7, None, ["thanks"], {"a": 1}])
def test_what_is_no_word_is_damage(odd: object) -> None:
    """Open to new words, not to other types."""
    with pytest.raises((ValueError, TypeError)):
        MailTo(odd)  # type: ignore[arg-type]  # that is the point
    for changes in ({"mails": {"customer": {"state": odd}}}, {"mails": {"thanks": 7}}):
        with pytest.raises(ValidationError):
            read(**changes)


def test_an_unknown_stage_reads_as_none() -> None:
    assert read(stage="polishing").stage is None
    assert read(stage="analyzing").stage is Stage.ANALYZING
    with pytest.raises(ValidationError):
        read(stage=7)


@pytest.mark.parametrize(
    ("stored", "detail"),
    [
        ({"code": "model_retired"}, "model_retired"),
        ({"code": "model_retired", "detail": "gone", "hint": 1}, "model_retired: gone"),
    ],
)
def test_an_unknown_reason_tells_its_word(stored: dict[str, Any], detail: str) -> None:
    job = read(reason=stored, rounds_for="model_retired")
    assert job.reason == Reason(code=ReasonCode.NEWER_BUILD, detail=detail)
    assert job.rounds_for is ReasonCode.NEWER_BUILD


def test_a_damaged_reason_is_no_newer_one() -> None:
    for odd in ({"code": 7}, {}, "text", {"code": None}):
        with pytest.raises(ValidationError):
            read(reason=odd)


@pytest.mark.parametrize("changes", [{"state": "reviewing"}, {"kind": "ultrasound"}])
def test_states_and_kinds_are_closed(changes: dict[str, Any]) -> None:
    """Who does not know them must not work on the job (`ledger.newer`)."""
    with pytest.raises(ValidationError):
        read(**changes)


def test_their_mails_are_never_ours_to_send_and_never_dropped() -> None:
    """Through parking and delivery, in a kind or in a state that we do not know."""
    known = {THANKS: MailDuty(), MailTo.CUSTOMER: HELD, MailTo.REFUND_PROPOSAL: HELD}
    owed = {MailTo.CUSTOMER: MailDuty(), MailTo.ADMIN: MailDuty()}

    delivered = after_delivery(known, owed)
    parked = after_parking(known, Reason(code=ReasonCode.CHAIN_EXHAUSTED))

    assert delivered == known | {MailTo.ADMIN: MailDuty()}
    assert parked == known | {MailTo.DELAY: MailDuty()}
    assert not [state for state in State if THANKS in owed_in(state)]


def test_kinds_read_as_ever() -> None:
    assert read(kind="certificate").kind is Kind.CERTIFICATE
