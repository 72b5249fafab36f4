"""The proof on a real MongoDB: each disagreement is found, told once, and cleared."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from domain.acceptance import judge
from domain.job import (
    Job,
    Kind,
    MailDuty,
    MailState,
    MailTo,
    Opening,
    PaymentFacts,
    Reason,
    ReasonCode,
)
from domain.proof import Fault, Proof
from ledger.connection import Connection, connect
from ledger.handwork import Handwork
from ledger.health import HealthBook
from ledger.inbox import Inbox
from ledger.jobs import MongoJobs
from ledger.metrics import MongoFigures
from ledger.migrations import migrate
from ledger.names import JOBS, ORDER_CHECKS, ORDERS
from ledger.paid import PaidSessions
from ledger.proof import ProofBook
from ledger.workers import MongoPresence
from schedules.alerts import Alerts
from schedules.proof import Prover
from tests.builders import order
from tests.fakes.clock import FakeClock
from tests.integration.ledger.examples import REPORT, make_answer, make_notice

APOLOGY = (
    "Vielen Dank für Ihre Anfrage. Leider konnten wir Ihre Bewertung momentan nicht erstellen. "
    "Bitte versuchen Sie es später erneut oder kontaktieren Sie unseren Support."
)
GOOD = min(Path("tests/corpus/valuation/good").glob("*")).read_text()
VALUATIONS = ORDERS[Kind.VALUATION]
HALF_AN_HOUR = 1801.0


class Heard:
    def __init__(self) -> None:
        self.texts: list[str] = []

    async def post(self, text: str) -> None:
        self.texts.append(text)


@dataclass
class Shop:
    """A ledger, the proof over it, and who hears its alerts."""

    connection: Connection
    clock: FakeClock
    heard: Heard
    judged: int = 0

    @property
    def prover(self) -> Prover:
        health = HealthBook(self.connection)

        def counted(*arguments: Any) -> Any:
            self.judged += 1
            return judge(*arguments)

        return Prover(
            book=ProofBook(self.connection),
            jobs=MongoFigures(self.connection, self.clock),
            health=health,
            alerts=Alerts(health, self.heard, shop="shop"),
            judge=counted,
            clock=self.clock,
            patience=timedelta(minutes=30),
        )

    async def prove(self) -> Proof:
        await self.prover.work()
        proof = await ProofBook(self.connection).last()
        assert proof is not None
        return proof

    async def faults(self) -> dict[str, Fault]:
        return {finding.reference: finding.fault for finding in (await self.prove()).findings}

    async def put_order(self, session_id: str, *, at: datetime | None = None, **fields: Any) -> str:
        born = at or self.clock.now()
        # As the site's driver makes ids: they begin with the time.
        key = ObjectId(ObjectId.from_datetime(born).binary[:4] + uuid.uuid4().bytes[:8])
        document = order(**{"stripeSessionId": session_id, "erstellt": born} | fields)
        await self.connection.collection(VALUATIONS).insert_one(document | {"_id": key})
        return str(key)

    async def open(
        self, session_id: str, order_id: str | None, reason: Reason | None = None
    ) -> Job:
        opening = Opening(Kind.VALUATION, session_id, order_id, PaymentFacts(), reason)
        job, _ = await PaidSessions(self.connection, self.clock).open(opening)
        return job

    async def deliver(self, session_id: str, **mail: Any) -> str:
        order_id = await self.put_order(session_id)
        job = await self.open(session_id, order_id)
        await MongoPresence(self.connection, live_within_s=60).beat("w", holding=[])
        jobs = MongoJobs(self.connection, self.clock, live_within_s=60)
        claim = await jobs.claim(job.id, owner="w")
        assert claim is not None
        claim = await jobs.journal(claim, make_answer())
        duty = MailDuty(**{"state": MailState.SENT} | mail)
        await jobs.rest(await jobs.deliver(claim, {MailTo.CUSTOMER: duty}))
        return order_id

    async def change_order(self, order_id: str, **fields: Any) -> None:
        await self.connection.collection(VALUATIONS).update_one(
            {"_id": ObjectId(order_id)}, {"$set": fields}
        )


@pytest.fixture
async def shop(mongo_uri: str) -> AsyncIterator[Shop]:
    name = f"test_proof_{uuid.uuid4().hex[:10]}"
    connection = connect(mongo_uri, name, app_name="tests", op_timeout_s=20)
    await migrate(connection)
    yield Shop(connection, FakeClock(), Heard())
    await connection.client.drop_database(name)
    connection.close()


async def test_a_shop_in_order_has_nothing_to_tell(shop: Shop) -> None:
    """Delivered, abandoned, and freshly paid: no finding, no alert."""
    await shop.deliver("cs_1")
    await shop.put_order("cs_abandoned")
    await shop.open("cs_2", await shop.put_order("cs_2"))

    assert await shop.faults() == {}
    assert shop.heard.texts == []


@pytest.mark.parametrize("outcome", ["accepted", "review"])
async def test_a_paid_event_without_a_job(shop: Shop, outcome: str) -> None:
    """Found once the webhook has had its time, counted, told once, and cleared with its job."""
    inbox = Inbox(shop.connection, shop.clock)
    notice = make_notice(
        "evt_1", type="checkout.session.completed", session_id="cs_lost", payment_status="paid"
    )
    await inbox.receive(notice)
    await inbox.handled("evt_1", outcome)
    assert await shop.faults() == {}
    shop.clock.advance(HALF_AN_HOUR)

    assert await shop.faults() == {"cs_lost": Fault.PAID_WITHOUT_JOB}
    assert await shop.prover.work() == "1 paid and undelivered"
    await shop.open("cs_lost", None, Reason(code=ReasonCode.BY_HAND))

    assert await shop.faults() == {}
    [raised, *rest] = [text for text in shop.heard.texts if "orders is" in text]
    assert "1 paid and undelivered wait for nobody" in raised
    assert [text.startswith("shop: orders is healthy again") for text in rest] == [True]


async def test_events_that_owe_nothing(shop: Shop) -> None:
    """Not ours, not paid, withdrawn: no job is missed."""
    inbox = Inbox(shop.connection, shop.clock)
    fields = {"type": "checkout.session.completed", "payment_status": "paid"}
    for number, outcome in enumerate(("ignored", "not_paid", "withdrawn")):
        await inbox.receive(make_notice(f"evt_{number}", session_id=f"cs_{number}", **fields))
        await inbox.handled(f"evt_{number}", outcome)
    unpaid = fields | {"payment_status": "unpaid", "session_id": "cs_9"}
    await inbox.receive(make_notice("evt_9", **unpaid))
    shop.clock.advance(HALF_AN_HOUR)

    assert await shop.faults() == {}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"bewertung": ""}, Fault.RESULT_GONE),
        ({"bewertung": APOLOGY}, Fault.UNACCEPTABLE_RESULT),
        ({"bewertung": GOOD}, Fault.RESULT_CHANGED),
    ],
)
async def test_a_delivered_result_is_lost_or_changed(
    shop: Shop, fields: dict[str, Any], fault: Fault
) -> None:
    """Whoever did it; and all is well again when the result is back."""
    order_id = await shop.deliver("cs_1")
    await shop.change_order(order_id, **fields)

    assert await shop.faults() == {"cs_1": fault}

    await shop.change_order(order_id, bewertung=REPORT)
    assert await shop.faults() == {}


async def test_a_delivered_order_that_was_deleted(shop: Shop) -> None:
    """Found while the delivery is young; years later a deletion is the customer's right."""
    order_id = await shop.deliver("cs_1")
    await shop.connection.collection(VALUATIONS).delete_one({"_id": ObjectId(order_id)})

    assert await shop.faults() == {"cs_1": Fault.RESULT_GONE}

    shop.clock.advance(4 * 86_400)
    assert await shop.faults() == {}


@pytest.mark.parametrize("status", ["fertig", "bezahlt"])
async def test_an_order_marked_paid_or_done_without_anything(shop: Shop, status: str) -> None:
    """No job, no result: nobody works for it."""
    await shop.prove()
    await shop.put_order("cs_1", status=status)

    assert await shop.faults() == {"cs_1": Fault.DONE_WITHOUT_RESULT}


async def test_an_order_done_by_somebody_else_is_only_odd(shop: Shop) -> None:
    """While the old site still answers a part of the orders, they are listed, nobody is woken."""
    await shop.prove()
    await shop.put_order("cs_1", status="fertig", bewertung=GOOD)
    shop.clock.advance(HALF_AN_HOUR)

    assert await shop.faults() == {"cs_1": Fault.DONE_WITHOUT_JOB}
    assert shop.heard.texts == []


async def test_apologies_of_the_old_site_are_found_wherever_they_are(shop: Shop) -> None:
    """The tour comes round to orders of years ago; each is judged once per version."""
    old = shop.clock.now() - timedelta(days=400)
    for number in range(120):
        fields = {"bewertung": APOLOGY} if number == 60 else {}
        at = old + timedelta(minutes=number)
        await shop.put_order(f"cs_{number}", at=at, status="fertig", **fields)

    tours = [await shop.faults() for _ in range(3)]

    assert tours[2] == {"cs_60": Fault.UNACCEPTABLE_RESULT}
    assert shop.judged == 1
    assert shop.heard.texts == []
    [check] = await shop.connection.collection(ORDER_CHECKS).find().to_list(None)
    assert "apology" in check["reasons"]
    assert "Leider" not in str(check)


@pytest.mark.parametrize(
    ("mail", "fault"),
    [
        ({"state": MailState.FAILED}, Fault.MAIL_FAILED),
        ({"state": MailState.PENDING}, Fault.MAIL_OVERDUE),
        ({"state": MailState.OFF}, None),
    ],
)
async def test_a_delivery_whose_customer_was_not_told(
    shop: Shop, mail: dict[str, Any], fault: Fault | None
) -> None:
    """Failed at once, waiting after half an hour; switched off is a decision."""
    await shop.deliver("cs_1", **mail)
    shop.clock.advance(HALF_AN_HOUR)

    assert await shop.faults() == ({"cs_1": fault} if fault else {})


@pytest.mark.parametrize(
    "changes",
    [
        {"mails.admin": "soon"},
        {"mails": {"customer": "soon"}},
        {"attempts": "many", "kind": 7, "session_id": "cs_1"},
    ],
)
async def test_a_delivery_that_nobody_can_read(shop: Shop, changes: dict[str, Any]) -> None:
    """Whoever claims it for its mails gives them up; that is found at once and told in time."""
    await shop.deliver("cs_1", state=MailState.PENDING)
    await shop.connection.collection(JOBS).update_one({}, {"$set": changes})
    jobs = MongoJobs(shop.connection, shop.clock)
    assert await jobs.claim("valuation:cs_1", owner="w") is None

    [finding] = (await shop.prove()).findings

    assert (finding.fault, finding.detail) == (Fault.MAIL_FAILED, "unreadable_job")
    assert finding.reference == "cs_1"


@pytest.mark.parametrize(
    ("mails", "fault"),
    [
        ({"customer": {"state": "sent"}, "thanks": {"state": "pending"}}, Fault.MAIL_OVERDUE),
        ({"customer": {"state": "sent"}, "thanks": {"state": "sent"}}, None),
        ({"customer": {"state": "held"}}, Fault.MAIL_OVERDUE),
    ],
)
async def test_mails_which_only_a_newer_build_can_send(
    shop: Shop, mails: dict[str, Any], fault: Fault | None
) -> None:
    """Left to it while it may come; after half an hour somebody hears that it did not."""
    await shop.deliver("cs_1")
    await shop.connection.collection(JOBS).update_one({}, {"$set": {"mails": mails}})
    assert await shop.faults() == {}
    shop.clock.advance(HALF_AN_HOUR)

    assert await shop.faults() == ({"cs_1": fault} if fault else {})


async def test_a_proof_of_a_newer_build_is_no_stumbling_block(shop: Shop) -> None:
    """Its faults and kinds are unknown here: the page is empty until our own clock proves."""
    await shop.deliver("cs_1", state=MailState.FAILED)
    await shop.prove()
    proofs = shop.connection.collection("proofs")
    await proofs.update_one({"_id": "latest"}, {"$set": {"counts": {"result_stale": 1}}})
    checks = shop.connection.collection(ORDER_CHECKS)
    await checks.update_many({}, {"$set": {"fault": "result_stale"}})
    await shop.connection.collection(JOBS).update_one({}, {"$set": {"kind": "ultrasound"}})

    assert await ProofBook(shop.connection).last() is None
    found = [finding for finding in (await shop.prove()).findings if finding.kind is None]
    assert [finding.fault for finding in found] == [Fault.MAIL_FAILED]


async def test_a_parking_is_told_once_and_a_second_one_again(shop: Shop) -> None:
    """With the command that helps; a human's own parking is no news to him."""
    job = await shop.open("cs_1", None, Reason(code=ReasonCode.INVALID_ORDER, field="alter"))
    for _ in range(3):
        await shop.prove()

    told = "shop: valuation:cs_1 is paid and parked (invalid_order, field alter). "
    assert shop.heard.texts == [told + "Try again: pferdewert orders retry cs_1"]

    shop.clock.advance(5)
    handwork = Handwork(shop.connection, shop.clock)
    await handwork.retry(job.id)
    await MongoPresence(shop.connection, live_within_s=60).beat("w", holding=[])
    jobs = MongoJobs(shop.connection, shop.clock, live_within_s=60)
    claim = await jobs.claim(job.id, owner="w")
    assert claim is not None
    await jobs.park(claim, Reason(code=ReasonCode.CHAIN_EXHAUSTED))
    await shop.prove()
    await shop.prove()
    assert len(shop.heard.texts) == 2
    assert "A refund is proposed" in shop.heard.texts[1]

    await handwork.retry(job.id)
    await handwork.park(job.id, "looking into it")
    await shop.prove()
    assert len(shop.heard.texts) == 2


async def test_a_late_order_is_told_once_and_its_delivery_too(shop: Shop) -> None:
    """Two clocks tell it once between them."""
    await shop.open("cs_1", await shop.put_order("cs_1"))
    shop.clock.advance(HALF_AN_HOUR)
    for _ in range(2):
        await shop.prove()
    assert ["wait for machine" in text for text in shop.heard.texts] == [True]

    await shop.connection.collection(JOBS).update_many({}, {"$set": {"state": "cancelled"}})
    for _ in range(2):
        await shop.prove()
    assert len(shop.heard.texts) == 2


async def test_what_stripe_knows_is_part_of_the_proof(shop: Shop) -> None:
    """Another source, plugged in: sessions paid at Stripe that could not be taken in."""

    @dataclass
    class Facts:
        finished_at: datetime
        unknown_paid: list[str]

    async def reconciled() -> Facts:
        return Facts(shop.clock.now(), ["cs_unknown"])

    assert await replace(shop.prover, reconciled=reconciled).work() == "1 paid and undelivered"
