"""Finding and mending orders that hold the wrong thing, on real servers."""

from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from config.clock import SystemClock
from domain.job import Kind, Opening, PaymentFacts, Reason, ReasonCode
from domain.proof import Fault, Finding, conclude
from ledger.jobs import MongoJobs
from ledger.names import JOBS, ORDERS, RESULTS_SET_ASIDE
from ledger.paid import PaidSessions
from ledger.proof import ProofBook
from ledger.workers import MongoPresence
from ops.running import Exit
from tests.builders import NOW, ORDER_ID, order
from tests.integration.ledger.examples import DUTIES, REPORT, make_answer
from tests.integration.ops.conftest import Shop

APOLOGY = (
    "Vielen Dank für Ihre Anfrage. Leider konnten wir Ihre Bewertung momentan nicht erstellen. "
    "Bitte versuchen Sie es später erneut oder kontaktieren Sie unseren Support."
)
GOOD = min(Path("tests/corpus/valuation/good").glob("*")).read_text()
VALUATIONS = ORDERS[Kind.VALUATION]
JOB = "valuation:cs_1"


async def put(shop: Shop, **fields: Any) -> None:
    document = order(stripeSessionId="cs_1", **fields) | {"_id": ObjectId(ORDER_ID)}
    await shop.connection.collection(VALUATIONS).insert_one(document)


async def stored(shop: Shop) -> dict[str, Any]:
    found = await shop.connection.collection(VALUATIONS).find_one({"_id": ObjectId(ORDER_ID)})
    assert found is not None
    return found


async def aside(shop: Shop) -> list[dict[str, Any]]:
    return await shop.connection.collection(RESULTS_SET_ASIDE).find().to_list(None)


async def job(shop: Shop) -> dict[str, Any] | None:
    return await shop.connection.collection(JOBS).find_one({"_id": JOB})


async def open_job(shop: Shop, reason: Reason | None = None) -> None:
    opening = Opening(Kind.VALUATION, "cs_1", ORDER_ID, PaymentFacts(), reason)
    await PaidSessions(shop.connection, SystemClock()).open(opening)


async def deliver(shop: Shop) -> None:
    await open_job(shop)
    await MongoPresence(shop.connection).beat("w", holding=[])
    jobs = MongoJobs(shop.connection, SystemClock(), live_within_s=60)
    claim = await jobs.claim(JOB, owner="w")
    assert claim is not None
    await jobs.rest(await jobs.deliver(await jobs.journal(claim, make_answer()), DUTIES))


@pytest.mark.parametrize("reference", ["cs_1", ORDER_ID])
async def test_an_apology_of_the_old_site_is_replaced(shop: Shop, reference: str) -> None:
    """The text is kept aside, checkout's fields stay, a job is due for the order."""
    await put(shop, status="fertig", bewertung=APOLOGY, ai_model="fallback")
    before = await stored(shop)

    report = await shop.told("orders", "repair", reference, "--force")

    assert (report["exit_code"], report["fault"]) == (Exit.OK, "unacceptable_result")
    after, [kept], opened = await stored(shop), await aside(shop), await job(shop)
    assert kept["fields"]["bewertung"] == APOLOGY
    assert (kept["order_id"], kept["session_id"]) == (ORDER_ID, "cs_1")
    assert after["status"] == "offen"
    gone = {"bewertung", "ai_model"}
    assert after == {k: v for k, v in before.items() if k not in gone} | {"status": "offen"}
    assert opened is not None
    assert (opened["state"], opened["order_id"], opened["holds_order"]) == (
        "queued",
        ORDER_ID,
        True,
    )


async def test_a_human_is_asked_first(shop: Shop) -> None:
    """A no changes nothing; the question names fault and doubt."""
    await put(shop, status="fertig", bewertung=APOLOGY)

    result = await shop.call("orders", "repair", "cs_1", answer="n\n")

    assert result.exit_code == Exit.FAILED
    assert "could NOT confirm" in result.output
    assert (await stored(shop))["bewertung"] == APOLOGY
    assert await aside(shop) == []
    assert await job(shop) is None


async def test_a_parked_job_behind_a_foreign_apology_is_reopened(shop: Shop) -> None:
    """`foreign_result` with an unacceptable text ends with our own."""
    await put(shop, status="fertig", bewertung=APOLOGY)
    await open_job(shop, Reason(code=ReasonCode.FOREIGN_RESULT))

    report = await shop.told("orders", "repair", JOB, "--force")

    reopened = await job(shop)
    assert reopened is not None
    assert (report["state"], reopened["reason"], reopened["holds_order"]) == ("queued", None, True)


async def test_our_own_answer_is_delivered_again_and_not_bought_again(shop: Shop) -> None:
    """Somebody wrote garbage over a delivered result: the journaled answer is due."""
    await put(shop)
    await deliver(shop)
    await shop.connection.collection(VALUATIONS).update_one({}, {"$set": {"bewertung": APOLOGY}})

    report = await shop.told("orders", "repair", "cs_1", "--force")

    assert (report["state"], report["set_aside"]) == ("answered", True)
    jobs = MongoJobs(shop.connection, SystemClock(), live_within_s=60)
    claim = await jobs.claim(JOB, owner="w")
    assert claim is not None
    await jobs.deliver(claim, DUTIES)
    assert (await stored(shop))["bewertung"] == REPORT


async def test_a_result_that_vanished_is_written_again(shop: Shop) -> None:
    """There is nothing to set aside."""
    await put(shop)
    await deliver(shop)
    await shop.connection.collection(VALUATIONS).update_one({}, {"$unset": {"bewertung": ""}})

    report = await shop.told("orders", "repair", "cs_1", "--force")

    assert (report["fault"], report["state"]) == ("result_gone", "answered")


@pytest.mark.parametrize("fields", [{"status": "fertig", "bewertung": GOOD}, {}])
async def test_what_is_in_order_is_not_touched(shop: Shop, fields: dict[str, Any]) -> None:
    """A result that passes, and an abandoned checkout: refused with the reason."""
    await put(shop, **fields)

    result = await shop.call("orders", "repair", "cs_1", "--force")

    assert result.exit_code == Exit.FAILED
    assert "The order holds" in result.stderr
    assert (await aside(shop), await job(shop)) == ([], None)


async def test_money_that_went_back_buys_no_repair(shop: Shop) -> None:
    """Refused, and the old text stays where it is."""
    await put(shop, status="fertig", bewertung=APOLOGY)
    await open_job(shop)
    await shop.connection.collection(JOBS).update_one(
        {"_id": JOB}, {"$set": {"state": "cancelled"}}
    )

    result = await shop.call("orders", "repair", "cs_1", "--force")

    assert result.exit_code == Exit.FAILED
    assert "money is not ours" in result.stderr
    assert (await stored(shop))["bewertung"] == APOLOGY
    assert await aside(shop) == []


async def test_an_unknown_order(shop: Shop) -> None:
    """Nothing is guessed."""
    result = await shop.call("orders", "repair", "cs_none", "--force")

    assert result.exit_code == Exit.FAILED
    assert "No order belongs to cs_none" in result.stderr


async def test_check_and_status_show_the_proof(shop: Shop) -> None:
    """What is wrong, and what to do; a lost order is part of the one number."""
    nothing = await shop.told("orders", "check")
    lost = Finding(fault=Fault.PAID_WITHOUT_JOB, reference="cs_9", since=NOW)
    await ProofBook(shop.connection).keep(conclude([lost], NOW))
    await open_job(shop, Reason(code=ReasonCode.CHAIN_EXHAUSTED))

    found, page = await shop.told("orders", "check"), await shop.call("orders", "check")
    status, screen = await shop.told("status"), await shop.call("status")

    assert (nothing["checked_at"], nothing["exit_code"]) == (None, Exit.OK)
    assert found["counts"] == {"paid_without_job": 1}
    assert "cs_9" in page.stdout
    assert status["owed"]["count"] == 2
    assert status["owed"]["waits_for"] == {"machine": 0, "human": 1, "nobody": 1}
    assert [refund["job_id"] for refund in status["refunds_proposed"]] == [JOB]
    assert "1 paid_without_job" in screen.stdout
    listed = await shop.told("orders", "list")
    assert [line["refund_proposed"] for line in listed["jobs"]] == [True]
