"""One order against its jobs."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.acceptance import judge
from domain.examination import created_at, examine, is_as_delivered, objections, version_of
from domain.job import Job, Kind, State
from domain.proof import Fault
from tests.builders import NOW, order
from tests.fakes_worker import REPORT, answer

APOLOGY = (
    "Vielen Dank für Ihre Anfrage. Leider konnten wir Ihre Bewertung momentan nicht erstellen. "
    "Bitte versuchen Sie es später erneut oder kontaktieren Sie unseren Support."
)
GOOD = sorted(Path("tests/corpus/valuation/good").glob("*"))


def job(state: State) -> Job:
    told = answer() if state in (State.DELIVERED, State.ANSWERED) else None
    fields: dict[str, Any] = {"_id": "valuation:cs_1", "kind": "valuation", "session_id": "cs_1"}
    return Job.model_validate(
        fields | {"state": state, "answer": told, "created_at": NOW, "updated_at": NOW}
    )


DONE = {"status": "fertig", "bewertung": REPORT}


@pytest.mark.parametrize(
    ("fields", "states", "reasons", "ours", "expected"),
    [
        ({}, [], (), True, None),
        ({"status": "bezahlt"}, [], (), True, Fault.DONE_WITHOUT_RESULT),
        ({"status": "fertig"}, [], (), True, Fault.DONE_WITHOUT_RESULT),
        ({"status": "fertig", "bewertung": " "}, [], (), True, Fault.DONE_WITHOUT_RESULT),
        ({"status": "fertig"}, [], (), False, None),
        ({"status": "bezahlt"}, [State.RUNNING], (), True, None),
        ({"status": "bezahlt"}, [State.CANCELLED], (), True, None),
        ({}, [State.DELIVERED], (), True, Fault.RESULT_GONE),
        (DONE, [State.DELIVERED], ("apology",), True, None),
        (
            DONE | {"bewertung": "x"},
            [State.DELIVERED],
            ("apology",),
            True,
            Fault.UNACCEPTABLE_RESULT,
        ),
        (DONE | {"bewertung": "x"}, [State.DELIVERED], (), True, Fault.RESULT_CHANGED),
        (DONE, [], ("apology",), False, Fault.UNACCEPTABLE_RESULT),
        (DONE, [State.PARKED], ("apology",), True, Fault.UNACCEPTABLE_RESULT),
        (DONE, [State.PARKED], (), True, None),
        (DONE, [], (), True, Fault.DONE_WITHOUT_JOB),
        (DONE, [], (), False, None),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_order(
    fields: dict[str, Any],
    states: list[State],
    reasons: tuple[str, ...],
    *,
    ours: bool,
    expected: Fault | None,
) -> None:
    """Abandoned carts owe nothing; what was paid must hold what was sold."""
    jobs = [job(state) for state in states]
    found = examine(Kind.VALUATION, order(**fields), jobs, reasons=reasons, ours=ours)

    assert found.fault is expected
    assert bool(found.reasons) is (expected is Fault.UNACCEPTABLE_RESULT)


@pytest.mark.parametrize(
    "fields",
    [{}, {"stockmass": "1,68 m ungefähr"}, {"alter": None, "rasse": "", "land": "FR"}],
)
def test_an_apology_is_found_whatever_the_horse(fields: dict[str, Any]) -> None:
    """Apologies were stored first of all for horses that could not be read."""
    raw = order(**fields, bewertung=APOLOGY, status="fertig")

    assert "apology" in objections(Kind.VALUATION, raw, judge)


def test_the_old_sites_own_admission_counts() -> None:
    """`ai_model: fallback` was written with the apology, however the text reads."""
    raw = order(bewertung=GOOD[0].read_text(), ai_model="Fallback")

    assert objections(Kind.VALUATION, raw, judge) == ("admitted_fallback",)


def test_an_older_layout_is_no_reason_to_touch_a_sold_report() -> None:
    """Other headings are style; a report cut off in the middle is not."""
    text = GOOD[0].read_text()
    older = text.replace("### Kaufberatung", "### Empfehlungen")

    assert objections(Kind.VALUATION, order(bewertung=older), judge) == ()
    assert objections(Kind.VALUATION, order(bewertung=text[: len(text) // 2]), judge) != ()


def test_a_version_names_the_result_and_nothing_else() -> None:
    """Judged once per version: the same text twice is one, another text another."""
    one = version_of(Kind.VALUATION, order(bewertung="a"))

    assert one == version_of(Kind.VALUATION, order(bewertung="a", status="offen"))
    assert one != version_of(Kind.VALUATION, order(bewertung="b"))
    assert version_of(Kind.VALUATION, order(bewertung="  ")) == ""
    assert version_of(Kind.CERTIFICATE, order(zertifikat_data={"preisVon": 1})) != ""


def test_a_certificate_is_compared_with_its_headline_prices() -> None:
    """What the delivery wrote, prices as integers, is what the order must hold."""
    told = answer().model_copy(update={"certificate": {"preisVon": 18000.0, "haupteignung": "X"}})
    fields = {"_id": "certificate:cs_1", "kind": "certificate", "session_id": "cs_1"}
    sold = Job.model_validate(
        fields | {"state": "delivered", "answer": told, "created_at": NOW, "updated_at": NOW}
    )
    data = {"preisVon": 18000, "preisBis": 24000, "haupteignung": "X"}

    assert is_as_delivered(Kind.CERTIFICATE, order(zertifikat_data=data), [sold])
    assert not is_as_delivered(Kind.CERTIFICATE, order(zertifikat_data=data | {"x": 1}), [sold])


def test_what_was_let_go_of_is_not_missed() -> None:
    """A slimmed job has no words to compare; an erased one owes nothing, nor does its order."""
    sold = job(State.DELIVERED)
    assert sold.answer is not None
    slim = sold.model_copy(update={"answer": sold.answer.model_copy(update={"text": ""})})
    erased = sold.model_copy(update={"erased_at": NOW})
    kind, good = Kind.VALUATION, order(bewertung="x")

    assert examine(kind, good, [slim], reasons=("apology",), ours=True).fault is None
    assert examine(kind, order(), [slim], reasons=(), ours=True).fault is Fault.RESULT_GONE
    assert examine(kind, order(), [erased], reasons=(), ours=True).fault is None
    emptied = order(status="fertig", geloescht_am=NOW)
    assert examine(kind, emptied, [], reasons=(), ours=True).fault is None


def test_orders_without_a_date_are_ancient() -> None:
    """Nothing can be said about whose they were."""
    assert created_at(order(erstellt="gestern")) < NOW - timedelta(days=10_000)
