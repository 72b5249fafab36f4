"""The mails owed for a delivered job."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from domain.errors import Unavailable
from domain.job import MailDuty, MailState, MailTo
from domain.ports import Buyer
from ledger.documents import plain
from ledger.names import ERROR_LOGS, JOBS
from ledger.results import LEFT_ALONE_FOR
from tests.fakes_worker import JOB_ID, World
from worker.endings import Outcome

CUSTOMER, ADMIN = f"{JOB_ID}:customer", f"{JOB_ID}:admin"


async def states(world: World) -> dict[MailTo, MailState]:
    return {to: duty.state for to, duty in (await world.job()).mails.items()}


async def ring_when_due(world: World) -> None:
    job = await world.job()
    assert job.not_before is not None
    world.clock.advance(max((job.not_before - world.clock.now()).total_seconds(), 0))
    await world.work()


async def test_recipient_and_link() -> None:
    """The customer gets the link by document id; the shop gets the order id and the source."""
    world = World()
    await world.pay()
    await world.work()

    customer, admin = world.mailer.sent[CUSTOMER], world.mailer.sent[ADMIN]
    assert customer.to == ("anna@example.org",)
    assert "https://pferdewert.de/ergebnis?id=68a0c0ffee0123456789abcd" in customer.text
    assert admin.to == ("shop@example.org",)
    assert "68a0c0ffee0123456789abcd" in admin.text
    assert "google_search" in admin.subject


async def test_recipient_is_not_stored() -> None:
    """Neither the address nor the name stays in our documents."""
    world = World()
    await world.pay()
    await world.work()

    assert "anna" not in (await world.job()).model_dump_json().casefold()


async def test_one_failing_mail_does_not_block_the_other() -> None:
    """Stripe is away: the shop hears of the sale, the customer's mail follows."""
    world = World()
    world.buyers.failures = [Unavailable("Stripe did not answer")]
    await world.pay()
    await world.work()

    assert await states(world) == {
        MailTo.CUSTOMER: MailState.PENDING,
        MailTo.ADMIN: MailState.SENT,
    }
    assert "steht noch aus" in world.mailer.sent[ADMIN].text
    await ring_when_due(world)
    assert await states(world) == {MailTo.CUSTOMER: MailState.SENT, MailTo.ADMIN: MailState.SENT}


async def test_failed_sends_are_retried_on_a_widening_schedule() -> None:
    """After 2, 5, 15, 60, 120, 300, 300 s; then it goes through, once."""
    world = World()
    await world.pay()
    world.mailer.failures = [Unavailable("resend: 503")] * 14
    moments = [world.clock.monotonic()]
    await world.work()
    while len(world.mailer.sent) < 2:
        await ring_when_due(world)
        moments.append(world.clock.monotonic())

    waits = [later - sooner for sooner, later in pairwise(moments)]
    assert waits == [2, 5, 15, 60, 120, 300, 300]


async def test_mails_are_given_up_after_a_day() -> None:
    """24 hours of refusals end as failed and on record, with no more wake-ups."""
    world = World()
    await world.pay()
    world.mailer.failures = [Unavailable("resend: 403 invalid_from")] * 10_000
    await world.work()
    while (await world.job()).not_before is not None:
        await ring_when_due(world)

    assert set((await states(world)).values()) == {MailState.FAILED}
    assert world.clock.monotonic() == pytest.approx(timedelta(hours=24).total_seconds(), abs=1)
    codes = {entry["error_code"] for entry in world.ledger.store.all(ERROR_LOGS)}
    assert codes == {"mail_customer", "mail_admin"}


@pytest.mark.parametrize(
    "email", [None, "", "no-address", "a@b.de\r\nBcc: c@d.de", "a@b.de, c@d.de"]
)
async def test_nobody_to_write_to(email: str | None) -> None:
    """Without one usable address the mail fails at once and the shop is told."""
    world = World()
    nobody = Buyer(email=email, first_name=None, amount_total=1490, currency="eur", source=None)
    world.buyers.buyer = nobody
    await world.pay()
    await world.work()

    assert await states(world) == {MailTo.CUSTOMER: MailState.FAILED, MailTo.ADMIN: MailState.SENT}
    assert "von Hand" in world.mailer.sent[ADMIN].text
    assert CUSTOMER not in world.mailer.sent


async def test_shop_without_mails() -> None:
    """With mails switched off nothing is owed and nothing is due."""
    world = World()
    await world.pay()
    mails = replace(world.mails, mailer=None)
    await world.work(story=replace(world.story, mails=mails))

    assert set((await states(world)).values()) == {MailState.OFF}
    assert (await world.job()).not_before is None


async def test_shop_without_admins() -> None:
    """No address for the shop: only the customer's mail is owed."""
    owed = replace(World().mails, admins=()).owed()

    assert owed[MailTo.ADMIN].state is MailState.OFF
    assert owed[MailTo.CUSTOMER].state is MailState.PENDING


async def test_a_bug_in_one_mail_is_recorded_and_retried() -> None:
    """An unexpected exception concerns its mail only and leaves its stack behind."""
    world = World()
    await world.pay()
    world.mailer.failures = [KeyError("Anna")]
    await world.work()

    assert await states(world) == {MailTo.CUSTOMER: MailState.PENDING, MailTo.ADMIN: MailState.SENT}
    [entry] = world.ledger.store.all(ERROR_LOGS)
    assert "Anna" not in str(entry)
    assert "mails.py" in entry["stack_trace"]


async def test_a_mail_asked_for_again_is_a_mail_of_its_own() -> None:
    """Another key, or the provider would keep it back; a day of tries from the asking on."""
    world = World()
    await world.pay()
    await world.work()
    world.clock.advance(timedelta(days=40).total_seconds())
    asked = MailDuty(edition=1, asked_at=world.clock.now())
    change_job(world, {"mails": {"customer": plain(asked)}, "not_before": world.clock.now()})
    world.mailer.failures = [Unavailable("resend: 503")]

    await world.work()
    waiting = (await world.job()).mails[MailTo.CUSTOMER]
    await ring_when_due(world)

    assert waiting.state is MailState.PENDING
    assert set(world.mailer.sent) == {CUSTOMER, ADMIN, f"{CUSTOMER}:1"}
    assert (await world.job()).mails[MailTo.CUSTOMER].edition == 1


async def test_the_shop_reads_an_old_result_from_the_order() -> None:
    """The job has given its words away by then."""
    world = World()
    await world.pay()
    await world.work()
    job = world.ledger.store.all(JOBS)[0]
    asked = MailDuty(edition=1, asked_at=world.clock.now())
    change_job(
        world,
        {
            "answer": job["answer"] | {"text": ""},
            "mails": {"admin": plain(asked)},
            "not_before": world.clock.now(),
        },
    )
    await world.work()

    assert "Geschätzter Marktwert" in world.mailer.sent[f"{ADMIN}:1"].text


def change_job(world: World, changes: dict[str, Any]) -> None:
    store = world.ledger.store
    store.put(JOBS, store.all(JOBS)[0] | changes)


async def test_a_mail_of_a_newer_build_is_neither_sent_nor_lost() -> None:
    """Ours go out; theirs stays as they wrote it, and the job is due for them in a minute."""
    world = World()
    await world.pay()
    theirs = {"state": "pending", "not_before": None, "voucher": "A-7"}
    change_job(world, {"mails": {"thanks": theirs}})

    assert await world.work() == Outcome.DELIVERED
    assert await world.work() == Outcome.NOTHING_DUE

    assert world.mailer.sent.keys() == {CUSTOMER, ADMIN}
    stored = world.ledger.store.get(JOBS, JOB_ID)
    assert stored is not None
    assert stored["mails"]["thanks"].items() >= theirs.items()
    assert stored["not_before"] == world.clock.now() + LEFT_ALONE_FOR
    world.clock.advance(LEFT_ALONE_FOR.total_seconds())
    assert await world.work() == Outcome.DELIVERED
    assert world.mailer.sent.keys() == {CUSTOMER, ADMIN}


async def test_what_a_newer_build_adds_to_our_mail_stays() -> None:
    world = World()
    await world.pay()
    world.mailer.failures = [Unavailable("resend: 503")] * 2
    await world.work()
    stored = world.ledger.store.get(JOBS, JOB_ID)
    assert stored is not None
    customer = stored["mails"]["customer"] | {"language": "de"}
    change_job(world, {"mails": stored["mails"] | {"customer": customer}})
    await ring_when_due(world)

    stored = world.ledger.store.get(JOBS, JOB_ID)
    assert stored is not None
    sent = stored["mails"]["customer"]
    assert (sent["state"], sent["language"], sent["error"]) == ("sent", "de", None)


async def test_a_cancelled_job_for_which_a_newer_build_owes_a_mail() -> None:
    """No model is asked and nothing is sent."""
    world = World()
    await world.pay()
    theirs = {"refunded": {"state": "pending"}}
    change_job(world, {"state": "cancelled", "mails": theirs})

    assert await world.work() == Outcome.NOTHING_DUE
    assert await world.work() == Outcome.NOTHING_DUE

    assert world.chain.asked == []
    assert world.mailer.sent == {}
