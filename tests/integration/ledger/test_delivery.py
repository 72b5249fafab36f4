"""The result reaches the order once, in the site's own fields, or not at all."""

import asyncio
from typing import Any

import pytest
from bson import Int64, ObjectId

from domain.errors import AlreadyAnswered, InvalidOrder
from domain.job import Claim, Job, Kind, MailDuty, MailState, MailTo, State
from ledger.names import COUNTERS, ORDERS
from tests import builders
from tests.integration.ledger.examples import CERTIFICATE, DUTIES, REPORT, make_answer
from tests.integration.ledger.world import World

RESULT_FIELDS = {"status", "aktualisiert", "ai_model", "ai_model_version"}


async def test_a_valuation_is_written_in_the_sites_fields(world: World) -> None:
    """Result fields are set in one update; checkout's fields stay as they are."""
    await world.put_order(Kind.VALUATION)
    before = await world.order(Kind.VALUATION)
    await world.jobs.deliver(await world.answered(await world.open()), DUTIES)
    order = await world.order(Kind.VALUATION)
    assert order == before | {
        "bewertung": REPORT,
        "status": "fertig",
        "aktualisiert": world.clock.now(),
        "ai_model": "gemini 2.5 pro",
        "ai_model_version": "google/gemini-2.5-pro-002",
    }


async def test_a_certificate_gets_data_and_number(world: World) -> None:
    """Prices are integers; the number stands on the order and on the job."""
    claim = await delivered_certificate(world)
    order = await world.order(Kind.CERTIFICATE)
    assert order["zertifikat_data"] == CERTIFICATE
    assert [type(order["zertifikat_data"][bound]) for bound in ("preisVon", "preisBis")] == [
        int,
        int,
    ]
    assert order["zertifikatNummer"] == claim.job.certificate_number == "CERT-2026-000001"
    assert order.keys() - builders.order().keys() == RESULT_FIELDS - {"status"} | {
        "zertifikat_data",
        "zertifikatNummer",
    }


async def test_delivery_marks_the_job_and_owes_the_mails(world: World) -> None:
    """Delivered at once, due at once while a mail is pending."""
    await world.put_order(Kind.VALUATION)
    claim = await world.jobs.deliver(await world.answered(await world.open()), DUTIES)
    assert claim.job.state is State.DELIVERED
    assert claim.job.delivered_at == claim.job.not_before == world.clock.now()
    assert claim.job.mails == DUTIES
    assert await world.get(claim.job_id) == claim.job


async def test_delivery_without_mails_is_the_end(world: World) -> None:
    """A shop that sends no mails owes nothing more."""
    await world.put_order(Kind.VALUATION)
    off = {to: MailDuty(state=MailState.OFF) for to in MailTo}
    claim = await world.jobs.deliver(await world.answered(await world.open()), off)
    assert claim.job.not_before is None


@pytest.mark.parametrize("kind", Kind)
async def test_delivering_again_changes_nothing(world: World, kind: Kind) -> None:
    """A commit whose answer got lost is recognised: same job, same number, same order."""
    await world.put_order(kind)
    answered = await world.answered(await world.open(kind=kind))
    first = await world.jobs.deliver(answered, DUTIES)
    order = await world.order(kind)
    world.clock.advance(5)
    assert await world.jobs.deliver(answered, DUTIES) == first
    assert await world.order(kind) == order


@pytest.mark.parametrize("blank", [{}, {"bewertung": None}, {"bewertung": ""}, {"bewertung": " "}])
async def test_a_blank_result_is_none(world: World, blank: dict[str, Any]) -> None:
    """What earlier failures left behind does not keep a customer from the result."""
    await world.put_order(Kind.VALUATION, **blank)
    await world.jobs.deliver(await world.answered(await world.open()), DUTIES)
    assert (await world.order(Kind.VALUATION))["bewertung"] == REPORT


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (Kind.VALUATION, {"bewertung": "written by hand"}),
        (Kind.CERTIFICATE, {"zertifikat_data": {"preisVon": 1, "preisBis": 2}}),
    ],
)
async def test_a_foreign_result_is_never_overwritten(
    world: World, kind: Kind, result: dict[str, Any]
) -> None:
    """Nothing at all changes: not the order, not the job, not the counter."""
    await world.put_order(kind, **result)
    order = await world.order(kind)
    claim = await world.answered(await world.open(kind=kind))
    with pytest.raises(AlreadyAnswered, match="received another result"):
        await world.jobs.deliver(claim, DUTIES)
    assert await world.order(kind) == order
    assert await world.get(claim.job_id) == claim.job
    assert await world.documents(COUNTERS) == []


@pytest.mark.parametrize("order_id", [builders.ORDER_ID, None])
async def test_a_vanished_order_is_said_so(world: World, order_id: str | None) -> None:
    """There is nothing to write to; the job stays answered for people to look at."""
    claim = await world.answered(await world.open(order_id=order_id))
    with pytest.raises(InvalidOrder, match="_id"):
        await world.jobs.deliver(claim, DUTIES)
    assert (await world.get(claim.job_id)).state is State.ANSWERED


@pytest.mark.parametrize("seq", [41, Int64(41), 41.0])
async def test_the_sites_counter_is_continued(world: World, seq: float) -> None:
    """Whatever number type the site's driver chose."""
    await world.put(COUNTERS, {"_id": ObjectId(), "name": "zertifikat_2026", "seq": seq})
    claim = await delivered_certificate(world)
    assert claim.job.certificate_number == "CERT-2026-000042"
    [counter] = await world.documents(COUNTERS)
    assert counter["seq"] == 42


@pytest.mark.parametrize("counter", [None, {"seq": 3}, {"seq": None}, {"seq": "many"}, {}])
async def test_numbers_go_on_behind_the_highest(
    world: World, counter: dict[str, Any] | None
) -> None:
    """A missing or lagging counter never gives a number out twice."""
    numbers = ["CERT-2026-000007", "CERT-2025-000300", "CERT-2026-MB3K2X9F", None]
    for place, number in enumerate(numbers):
        await world.put_order(
            Kind.CERTIFICATE,
            _id=f"{place:024}",
            stripeSessionId=f"cs_old_{place}",
            zertifikatNummer=number,
        )
    if counter is not None:
        await world.put(COUNTERS, {"_id": ObjectId(), "name": "zertifikat_2026"} | counter)
    claim = await delivered_certificate(world)
    assert claim.job.certificate_number == "CERT-2026-000008"


async def test_thirty_certificates_at_once_have_no_gaps_and_no_doubles(world: World) -> None:
    """Lost claims and foreign results in between draw no number."""
    claims = await asyncio.gather(*(certificate(world, place) for place in range(30)))
    for place in (3, 17):
        await world.jobs.release(claims[place])
    await asyncio.gather(
        *(world.jobs.deliver(claim, DUTIES) for claim in claims), return_exceptions=True
    )
    orders = await world.documents(ORDERS[Kind.CERTIFICATE])
    numbers = sorted(order["zertifikatNummer"] for order in orders if "zertifikatNummer" in order)
    assert numbers == [f"CERT-2026-{count:06d}" for count in range(1, 29)]
    jobs = [await world.get(claim.job_id) for claim in claims]
    assert numbers == sorted(job.certificate_number for job in jobs if job.certificate_number)


async def test_twenty_workers_delivering_one_job_write_once(world: World) -> None:
    """The same claim used twenty times over gives twenty times the same delivery."""
    await world.put_order(Kind.CERTIFICATE)
    claim = await world.answered(await world.open(kind=Kind.CERTIFICATE))
    results = await asyncio.gather(*(world.jobs.deliver(claim, DUTIES) for _ in range(20)))
    assert {result.job.certificate_number for result in results} == {"CERT-2026-000001"}


async def certificate(world: World, place: int) -> Claim:
    order_id, session_id = f"{place:024x}", f"cs_{place:02}"
    await world.put_order(Kind.CERTIFICATE, _id=order_id, stripeSessionId=session_id)
    job: Job = await world.open(session_id, kind=Kind.CERTIFICATE, order_id=order_id)
    return await world.answered(job)


async def delivered_certificate(world: World) -> Claim:
    await world.put_order(Kind.CERTIFICATE)
    claim = await world.claim(await world.open(kind=Kind.CERTIFICATE))
    claim = await world.jobs.journal(claim, make_answer(Kind.CERTIFICATE))
    return await world.jobs.deliver(claim, DUTIES)
