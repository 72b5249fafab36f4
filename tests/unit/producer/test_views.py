"""What the result page reads about a job."""

from datetime import timedelta
from typing import Any

import pytest

from domain.answer import Answer, PromptStamp, Tier, Usage
from domain.job import Job, Kind, Reason, ReasonCode, Stage, State
from producer.views import PublicState, eta_seconds, unpaid_view, view_of
from tests.builders import NOW, SESSION_ID

ANSWER = Answer(
    text="### Zusammenfassung …",
    price_low=18000,
    price_high=24000,
    tier=Tier.PRIMARY,
    model_asked="google/gemini-2.5-pro",
    model_served="google/gemini-2.5-pro",
    model_name="Gemini 2.5 Pro",
    usage=Usage(input_tokens=1000, output_tokens=4600, reasoning_tokens=2800, cost_usd=0.047),
    latency_ms=48123,
    prompt=PromptStamp(version="3", sha256="0" * 64),
    accepted_at=NOW,
)
RESULT_FIELDS = ("ai_response", "certificate", "ai_model", "response_time_ms", "token_usage")


def job(state: State, **changes: Any) -> Job:
    fields = {
        "id": f"valuation:{SESSION_ID}", "kind": Kind.VALUATION, "session_id": SESSION_ID,
        "state": state, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return Job.model_validate(fields | changes)


def test_delivered_valuation() -> None:
    """The front end's fields, filled."""
    view = view_of(job(State.DELIVERED, answer=ANSWER), NOW).model_dump(mode="json")

    assert view["ai_response"] == ANSWER.text
    assert view["ai_model"] == "gemini 2.5 pro"
    assert view["response_time_ms"] == 48123
    assert view["token_usage"] == {
        "input_tokens": 1000, "output_tokens": 4600, "total_cost_usd": 0.047,
    }  # fmt: skip
    assert (view["certificate"], view["error"], view["eta_seconds"]) == (None, None, 0)


def test_delivered_certificate() -> None:
    """A certificate has data and a number instead of a text."""
    answer = ANSWER.model_copy(update={"certificate": {"preisVon": 18000, "preisBis": 24000}})
    view = view_of(
        job(
            State.DELIVERED,
            kind=Kind.CERTIFICATE,
            answer=answer,
            certificate_number="CERT-2026-000042",
        ),
        NOW,
    ).model_dump(mode="json")

    assert view["ai_response"] is None
    assert view["certificate"] == {
        "number": "CERT-2026-000042",
        "data": {"preisVon": 18000, "preisBis": 24000},
    }


@pytest.mark.parametrize("state", [state for state in State if state is not State.DELIVERED])
def test_result_is_shown_only_when_delivered(state: State) -> None:
    """A journaled answer may still be withdrawn, so nobody sees it before it is delivered."""
    view = view_of(job(state, answer=ANSWER), NOW)

    assert [getattr(view, field) for field in RESULT_FIELDS] == [None] * len(RESULT_FIELDS)


def test_public_states_are_the_jobs_and_unpaid() -> None:
    """No state of a job lacks its public name."""
    assert {*PublicState} == {PublicState.UNPAID, *(PublicState(state) for state in State)}


def test_unpaid() -> None:
    """An order without a payment has no stage, no estimate and no error."""
    view = unpaid_view(SESSION_ID, Kind.CERTIFICATE)

    assert (view.state, view.stage, view.eta_seconds, view.error) == ("unpaid", None, None, None)


def test_waiting_tells_when() -> None:
    """Waiting is an error of the public kind with the seconds to the next try."""
    waiting = job(
        State.WAITING,
        reason=Reason(code=ReasonCode.CHAIN_EXHAUSTED, detail="google/gemini: 503"),
        not_before=NOW + timedelta(seconds=120),
    )
    error = view_of(waiting, NOW).error

    assert error is not None
    assert (error.code, error.model, error.retry_after) == ("rate_limit_exceeded", None, 120)
    assert "gemini" not in view_of(waiting, NOW).model_dump_json()


def test_parked_has_no_time() -> None:
    """A human's time is not estimated, and the reason's detail stays inside."""
    parked = job(
        State.PARKED, reason=Reason(code=ReasonCode.AMOUNT_MISMATCH, detail="expected 1490 EUR")
    )
    view = view_of(parked, NOW)

    assert view.eta_seconds is None
    assert view.error is not None
    assert view.error.retry_after is None
    assert "1490" not in view.model_dump_json()


@pytest.mark.parametrize(
    ("state", "changes", "expected"),
    [
        (State.QUEUED, {}, 60),
        (State.RUNNING, {}, 60),
        (State.RUNNING, {"stage": Stage.ANALYZING, "started_at": NOW - timedelta(seconds=20)}, 40),
        (State.RUNNING, {"stage": Stage.GENERATING, "started_at": NOW}, 45),
        (State.RUNNING, {"stage": Stage.GENERATING, "started_at": NOW - timedelta(hours=1)}, 5),
        (State.RUNNING, {"stage": Stage.FINALIZING, "started_at": NOW}, 10),
        (State.WAITING, {"not_before": NOW + timedelta(seconds=60)}, 120),
        (State.WAITING, {"not_before": NOW - timedelta(seconds=60)}, 60),
        (State.ANSWERED, {}, 5),
        (State.DELIVERED, {}, 0),
        (State.PARKED, {}, None),
        (State.CANCELLED, {}, None),
    ],
)
def test_eta(state: State, changes: dict[str, Any], expected: int | None) -> None:
    """A minute is typical, the stage bounds the rest, and it never reaches zero too early."""
    assert eta_seconds(job(state, **changes), NOW) == expected


def test_version_follows_content_not_the_estimate() -> None:
    """A stream sends nothing new only because a second went by."""
    running = job(State.RUNNING, started_at=NOW, stage=Stage.ANALYZING)
    later = running.model_copy(update={"stage": Stage.GENERATING})

    assert view_of(running, NOW).version == view_of(running, NOW + timedelta(seconds=9)).version
    assert view_of(running, NOW).version != view_of(later, NOW).version


def test_an_erased_order_shows_nothing() -> None:
    """Whatever the site may still hold, and whatever figures we keep."""
    view = view_of(job(State.DELIVERED, answer=ANSWER, erased_at=NOW), NOW)
    reason = Reason(code=ReasonCode.ERASED)
    cancelled = view_of(job(State.CANCELLED, reason=reason, erased_at=NOW), NOW)

    shown = view.model_dump(include=set(RESULT_FIELDS))
    assert set(shown.values()) == {None}
    assert "gelöscht" in view.message
    assert "gelöscht" in cancelled.message
