"""The mails about a promise we could not keep."""

from dataclasses import replace
from datetime import timedelta

from domain.errors import ChainExhausted, Unavailable
from domain.job import Kind, MailState, MailTo, Money, ReasonCode, State
from domain.ports import Letter
from ledger.handwork import retried
from ledger.names import JOBS
from tests.builders import SESSION_ID
from tests.fakes_worker import JOB_ID, PATIENCE, MemoryMailer, ScriptedChain, World
from worker.endings import Outcome

DELAY, PROPOSAL = f"{JOB_ID}:delay", f"{JOB_ID}:refund-proposal"
AT_ONCE = replace(PATIENCE, give_up=timedelta(0))
DOWN = ChainExhausted("all models down")


async def given_up(*, script: tuple[ChainExhausted, ...] = (DOWN,)) -> World:
    world = World(chain=ScriptedChain(script), patience=AT_ONCE)
    await world.pay()
    assert await world.work() == Outcome.PARKED
    return world


async def retry(world: World) -> None:
    """Do what `pferdewert orders retry` does."""
    stored = world.ledger.store.get(JOBS, JOB_ID)
    assert stored is not None
    world.ledger.store.put(JOBS, stored | dict(retried(stored, None, world.clock.now())[1]))


async def test_giving_up_tells_the_customer_and_proposes_a_refund() -> None:
    """One mail each; then the job is never due again, and its reason stays."""
    world = await given_up()

    assert await world.work() == Outcome.PARKED
    assert await world.work() == Outcome.NOTHING_DUE

    assert world.mailer.sent.keys() == {DELAY, PROPOSAL}
    assert world.mailer.sent[DELAY].to == ("anna@example.org",)
    assert "Kunden: versendet" in world.mailer.sent[PROPOSAL].text
    job = await world.job()
    assert job.reason is not None
    assert (job.state, job.reason.code) == (State.PARKED, ReasonCode.CHAIN_EXHAUSTED)
    assert (job.owner, job.not_before) == (None, None)


async def test_after_a_retry_the_normal_mails_go_out() -> None:
    """The delay mail stays on record and is not repeated."""
    world = await given_up()
    await world.work()
    await retry(world)

    assert await world.work() == Outcome.DELIVERED

    job = await world.job()
    assert {to: duty.state for to, duty in job.mails.items()} == {
        MailTo.DELAY: MailState.SENT,
        MailTo.REFUND_PROPOSAL: MailState.SENT,
        MailTo.CUSTOMER: MailState.SENT,
        MailTo.ADMIN: MailState.SENT,
    }


async def test_a_second_giving_up_tells_the_shop_only() -> None:
    """One delay mail in a job's life; a new proposal under a new key."""
    world = await given_up(script=(DOWN, DOWN))
    await world.work()
    await retry(world)
    await world.work()
    await world.work()

    assert world.mailer.sent.keys() == {DELAY, PROPOSAL, f"{PROPOSAL}:1"}


async def test_a_retry_before_the_mail_makes_it_pointless() -> None:
    """Delivered by then: no excuse is sent."""
    world = await given_up()
    await retry(world)
    await world.work()

    assert world.mailer.sent.keys() == {f"{JOB_ID}:customer", f"{JOB_ID}:admin"}


async def test_a_refund_before_the_mail_makes_it_pointless() -> None:
    """The money is back: nobody is told of a delay."""
    world = World(chain=ScriptedChain([DOWN]), patience=AT_ONCE)
    await world.pay()
    stored = world.ledger.store.get(JOBS, JOB_ID)
    assert stored is not None
    payment = stored["payment"] | {"payment_intent": "pi_1"}
    world.ledger.store.put(JOBS, stored | {"payment": payment})
    await world.work()

    await world.ledger.paid.settle("pi_1", Money(refunded=1490, fully_refunded=True))

    assert await world.work() == Outcome.NOTHING_DUE
    assert world.mailer.sent == {}


class RetryingMailer(MemoryMailer):
    """Somebody retries the job by hand while the first mail is on its way."""

    world: World

    async def send(self, letter: Letter) -> str:
        if not self.sent:
            await retry(self.world)
        return await super().send(letter)


async def test_a_retry_while_the_mail_is_on_its_way() -> None:
    """The mail is written down as sent, the proposal is dropped, the job is worked at once."""
    mailer = RetryingMailer()
    world = World(chain=ScriptedChain([DOWN]), patience=AT_ONCE, mailer=mailer)
    mailer.world = world
    await world.pay()
    await world.work()
    await world.work()

    job = await world.job()
    assert (job.state, job.owner, job.not_before) == (State.QUEUED, None, world.clock.now())
    assert job.mails[MailTo.DELAY].state is MailState.SENT

    assert await world.work() == Outcome.DELIVERED
    assert mailer.sent.keys() == {DELAY, f"{JOB_ID}:customer", f"{JOB_ID}:admin"}


async def test_a_delay_mail_that_fails_is_retried_from_the_ledger() -> None:
    """Stripe does not say whom to write to: the shop is told so, the customer's mail follows."""
    world = await given_up()
    world.buyers.failures = [Unavailable("Stripe did not answer")]
    await world.work()
    assert "steht noch aus" in world.mailer.sent[PROPOSAL].text

    world.clock.advance(2)
    await world.work()

    assert DELAY in world.mailer.sent


async def test_a_shop_without_mails_owes_none() -> None:
    """MAIL_PROVIDER=off: nothing is sent, nothing stays due."""
    world = await given_up()
    await world.work(story=replace(world.story, mails=replace(world.mails, mailer=None)))

    job = await world.job()
    assert {duty.state for duty in job.mails.values()} == {MailState.OFF}
    assert job.not_before is None


async def test_a_shop_without_admins_still_tells_the_customer() -> None:
    """No ADMIN_EMAILS: the proposal is listed by the command only."""
    world = await given_up()
    await world.work(story=replace(world.story, mails=replace(world.mails, admins=())))

    assert world.mailer.sent.keys() == {DELAY}


async def test_every_other_parking_tells_the_shop_only() -> None:
    """The customer is asked by a human, not excused to by a machine."""
    world = World()
    await world.pay(alter="uralt")
    await world.work()
    await world.work()

    assert world.mailer.sent.keys() == {f"{JOB_ID}:parked"}
    assert f"orders retry {SESSION_ID}" in world.mailer.sent[f"{JOB_ID}:parked"].text
    assert (await world.job()).kind is Kind.VALUATION


async def test_a_customer_who_waits_is_told_before_we_give_up() -> None:
    """After the time set, once; later tries and the giving up say nothing more to him."""
    world = World(chain=ScriptedChain([DOWN] * 100))
    await world.pay()
    mails = replace(world.mails, excuse_after=timedelta(hours=2))
    endings = replace(world.story.endings, excuse=mails.excuse)
    story = replace(world.story, mails=mails, endings=endings)
    told_after = None
    while (await world.job()).state is not State.PARKED:
        world.clock.advance(60)
        await world.work(story=story)
        if told_after is None and world.mailer.sent:
            told_after = world.clock.monotonic()
    await world.work(story=story)

    assert world.mailer.sent.keys() == {DELAY, PROPOSAL}
    assert told_after is not None
    assert 7200 <= told_after < 7200 + 3700


async def test_an_excuse_that_fails_does_not_stop_the_waiting() -> None:
    """The job waits for its next try, the mail for its own."""
    world = World(chain=ScriptedChain([DOWN] * 2))
    await world.pay()
    world.buyers.failures = [Unavailable("Stripe did not answer")]
    mails = replace(world.mails, excuse_after=timedelta(0))
    endings = replace(world.story.endings, excuse=mails.excuse)
    story = replace(world.story, mails=mails, endings=endings)

    assert await world.work(story=story) == Outcome.WAITING
    world.clock.advance(60)
    assert await world.work(story=story) == Outcome.WAITING

    assert world.mailer.sent.keys() == {DELAY}
