"""Moving a result aside and opening a job: both or neither, also against others."""

import asyncio

import pytest

from domain.examination import version_of
from domain.job import Job, Kind, PaymentFacts, State
from ledger.connection import Connection
from ledger.handwork import NotByHand
from ledger.names import JOBS, RESULTS_SET_ASIDE
from ledger.repair import Repairs
from tests.builders import ORDER_ID
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import DUTIES, make_answer
from tests.integration.ledger.world import MongoWorld

OLD = {"status": "fertig", "bewertung": "Leider nicht.", "ai_model": "fallback"}
CERTIFIED = {
    "status": "fertig",
    "zertifikat_data": {"a": 1},
    "zertifikatNummer": "CERT-2026-000007",
}


@pytest.fixture
def shop(clock: FakeClock, connection: Connection) -> MongoWorld:
    return MongoWorld(clock, connection)


@pytest.fixture
def repairs(clock: FakeClock, connection: Connection) -> Repairs:
    return Repairs(connection, clock)


async def repair(
    repairs: Repairs, shop: MongoWorld, *, kind: Kind = Kind.VALUATION, session_id: str = "cs_1"
) -> Job:
    return await repairs.reopen(
        kind,
        ORDER_ID,
        session_id=session_id,
        version=version_of(kind, await shop.order(kind)),
        payment=PaymentFacts(amount_total=1490, currency="eur"),
        reasons=["apology"],
        by="somebody",
    )


async def test_repairing_twice_at_once_repairs_once(shop: MongoWorld, repairs: Repairs) -> None:
    """One moves the text aside; the others find the order changed or in work."""
    await shop.put_order(Kind.VALUATION, **OLD)

    outcomes = await asyncio.gather(
        *(repair(repairs, shop) for _ in range(5)), return_exceptions=True
    )

    assert sum(isinstance(outcome, Job) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NotByHand) for outcome in outcomes) == 4
    [aside] = await shop.documents(RESULTS_SET_ASIDE)
    assert (aside["fields"], aside["by"]) == (OLD, "somebody")
    assert len(await shop.documents(JOBS)) == 1


async def test_a_result_that_changed_meanwhile_is_not_moved(
    shop: MongoWorld, repairs: Repairs
) -> None:
    """A human decided about another text."""
    await shop.put_order(Kind.VALUATION, **OLD)

    with pytest.raises(NotByHand, match="changed"):
        await repairs.reopen(
            Kind.VALUATION,
            ORDER_ID,
            session_id="cs_1",
            version="of yesterday",
            payment=PaymentFacts(),
            reasons=(),
            by="somebody",
        )

    assert (await shop.order(Kind.VALUATION))["bewertung"] == OLD["bewertung"]
    assert await shop.documents(JOBS) == []


async def test_an_order_that_another_session_works_for(shop: MongoWorld, repairs: Repairs) -> None:
    """Nothing is moved when no job can be opened."""
    await shop.put_order(Kind.VALUATION, **OLD)
    holder = await shop.open("cs_other")

    with pytest.raises(NotByHand, match=holder.id):
        await repair(repairs, shop)

    assert (await shop.order(Kind.VALUATION))["bewertung"] == OLD["bewertung"]
    assert await shop.documents(RESULTS_SET_ASIDE) == []


async def test_a_certificate_keeps_its_old_number_aside(shop: MongoWorld, repairs: Repairs) -> None:
    """The new one is drawn behind all that were given out."""
    await shop.put_order(Kind.CERTIFICATE, **CERTIFIED)

    job = await repair(repairs, shop, kind=Kind.CERTIFICATE)
    claim = await shop.jobs.journal(await shop.claim(job), make_answer(Kind.CERTIFICATE))
    await shop.jobs.deliver(claim, DUTIES)

    [aside] = await shop.documents(RESULTS_SET_ASIDE)
    assert aside["fields"]["zertifikatNummer"] == "CERT-2026-000007"
    assert (await shop.order(Kind.CERTIFICATE))["zertifikatNummer"] == "CERT-2026-000008"


async def test_a_redelivery_sends_no_second_mail(shop: MongoWorld, repairs: Repairs) -> None:
    """The customer has the link already; what was sent stays sent."""
    await shop.put_order(Kind.VALUATION)
    sent = {to: duty.model_copy(update={"state": "sent"}) for to, duty in DUTIES.items()}
    claim = await shop.jobs.deliver(await shop.answered(await shop.open("cs_1")), sent)
    await shop.jobs.rest(claim)
    [job] = [await shop.get(claim.job_id)]
    assert job.state is State.DELIVERED

    reopened = await repair(repairs, shop)
    again = await shop.jobs.deliver(await shop.claim(reopened), DUTIES)

    assert {duty.state.value for duty in again.job.mails.values()} == {"sent"}
    assert again.job.not_before is None
