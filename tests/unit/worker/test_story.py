"""The story of one paid order."""

import asyncio
from dataclasses import replace

import pytest

from domain.errors import ChainExhausted, Unavailable
from domain.job import Claim, Kind, MailState, MailTo, ReasonCode, State
from ledger.names import AI_REQUESTS, ERROR_LOGS, JOBS
from tests.builders import ORDER_ID, order
from tests.fakes.jobs import MemoryJobs
from tests.fakes_worker import JOB_ID, OWNER, REPORT, HangingChain, ScriptedChain, World, answer
from worker.endings import Outcome


async def test_paid_order_is_delivered_with_its_mails() -> None:
    """One ring: result on the order, both mails, attempt on record."""
    world = World()
    await world.pay()

    assert await world.work() == Outcome.DELIVERED

    job = await world.job()
    assert (job.state, job.order_id, job.attempts, job.owner) == (
        State.DELIVERED,
        ORDER_ID,
        1,
        None,
    )
    assert await world.result() == REPORT
    assert {duty.state for duty in job.mails.values()} == {MailState.SENT}
    assert set(world.mailer.sent) == {f"{JOB_ID}:customer", f"{JOB_ID}:admin"}
    assert len(world.ledger.store.all(AI_REQUESTS)) == 1


class CountedJobs(MemoryJobs):
    """Notes which verbs are used."""

    used: list[str]

    def __getattribute__(self, name: str) -> object:
        if not name.startswith("_") and name != "used":
            self.used.append(name)
        return super().__getattribute__(name)


async def test_an_order_costs_five_steps_in_the_ledger() -> None:
    """Each is a write that customers and the database pay for."""
    world = World()
    await world.pay()
    jobs = CountedJobs(world.ledger.store, world.ledger.presence)
    jobs.used = []
    story = replace(world.story, jobs=jobs, mails=replace(world.mails, jobs=jobs))

    assert await world.work(story=story) == Outcome.DELIVERED

    assert jobs.used == ["claim", "journal", "deliver", "settle_mail", "settle_mail"]
    assert (await world.job()).owner is None


async def test_a_second_ring_changes_nothing() -> None:
    """A delivered job has nothing due."""
    world = World()
    await world.pay()
    await world.work()

    assert await world.work() == Outcome.NOTHING_DUE
    assert len(world.chain.asked) == 1


@pytest.mark.parametrize(
    ("field", "value"), [("stockmass", "unbekannt"), ("alter", None), ("rasse", " ")]
)
async def test_invalid_order_is_parked_before_a_model_is_paid(field: str, value: object) -> None:
    """The reason names the site's field; no model is asked."""
    world = World()
    await world.pay(**{field: value})

    assert await world.work() == Outcome.PARKED

    job = await world.job()
    assert job.state is State.PARKED
    assert job.reason is not None
    assert (job.reason.code, job.reason.field) == (ReasonCode.INVALID_ORDER, field)
    assert world.chain.asked == []
    assert [entry["error_code"] for entry in world.ledger.store.all(ERROR_LOGS)] == [
        "invalid_order"
    ]


async def test_missing_order_is_waited_for() -> None:
    """The site may store the order after the payment: the job waits seconds, then works."""
    world = World()
    await world.open()

    assert await world.work() == Outcome.WAITING
    job = await world.job()
    assert job.reason is not None
    assert (job.state, job.reason.code) == (State.WAITING, ReasonCode.ORDER_MISSING)

    world.ledger.store.put_order(Kind.VALUATION, order())
    assert await world.work() == Outcome.NOTHING_DUE
    world.clock.advance(2)
    assert await world.work() == Outcome.DELIVERED


@pytest.mark.parametrize(
    ("text", "words"),
    [(REPORT, "passes acceptance"), ("Leider nein.", "fails acceptance: no_price")],
)
async def test_existing_result_is_not_paid_for_again(text: str, words: str) -> None:
    """A result that is not ours is parked with what acceptance says about it."""
    world = World()
    await world.pay(bewertung=text)

    assert await world.work() == Outcome.PARKED

    reason = (await world.job()).reason
    assert reason is not None
    assert reason.code is ReasonCode.FOREIGN_RESULT
    assert words in reason.detail
    assert world.chain.asked == []
    assert await world.result() == text


async def test_result_that_appears_meanwhile_is_not_overwritten() -> None:
    """Somebody else answered while the model worked: parked, their text stays."""
    world = World()
    await world.pay()
    world.chain.before = lambda: _put(world, bewertung="von Hand")

    assert await world.work() == Outcome.PARKED
    reason = (await world.job()).reason
    assert reason is not None
    assert reason.code is ReasonCode.FOREIGN_RESULT
    assert await world.result() == "von Hand"
    assert world.mailer.sent == {}


def _put(world: World, **changes: object) -> None:
    world.ledger.store.put_order(Kind.VALUATION, order(**changes))


async def test_exhausted_chain_waits_then_parks() -> None:
    """The chain is tried on the widening schedule until the give-up age, then a human looks."""
    world = World(chain=ScriptedChain([ChainExhausted("all down")] * 1000))
    await world.pay()

    outcomes = []
    while (outcome := await world.work()) != Outcome.PARKED:
        outcomes.append(outcome)
        job = await world.job()
        assert job.not_before is not None
        world.clock.advance((job.not_before - world.clock.now()).total_seconds())

    assert set(outcomes) == {Outcome.WAITING}
    assert 20 < len(outcomes) < 40
    reason = (await world.job()).reason
    assert reason is not None
    assert (reason.code, reason.detail) == (ReasonCode.CHAIN_EXHAUSTED, "all down")
    assert world.clock.monotonic() == pytest.approx(24 * 3600, abs=1)


async def test_cancelled_job_is_dropped_without_a_trace() -> None:
    """A full refund while the model works: nothing is written, nothing is mailed."""
    world = World()
    await world.pay()

    def refund() -> None:
        job = world.ledger.store.get(JOBS, JOB_ID)
        assert job is not None
        cancelled = {"state": "cancelled", "owner": None, "fence": job["fence"] + 1}
        world.ledger.store.put(JOBS, job | cancelled)

    world.chain.before = refund

    assert await world.work() == Outcome.LOST
    assert (await world.job()).state is State.CANCELLED
    assert await world.result() is None
    assert world.mailer.sent == {}


async def test_outage_while_the_answer_is_in_hand_loses_nothing() -> None:
    """MongoDB restarts for some seconds: the paid answer is kept and delivered."""
    world = World()
    await world.pay()
    world.chain.before = lambda: setattr(world.ledger.store, "is_down", True)
    story = replace(world.story, clock=_RepairingClock(world, after=10))

    assert await world.work(story=story) == Outcome.DELIVERED
    assert len(world.chain.asked) == 1


class _RepairingClock:
    """Brings the store back once so many seconds were slept."""

    def __init__(self, world: World, *, after: float) -> None:
        self._world, self._after, self._slept = world, after, 0.0
        self.now = world.clock.now
        self.monotonic = world.clock.monotonic

    async def sleep(self, seconds: float) -> None:
        self._slept += seconds
        self._world.clock.advance(seconds)
        if self._slept >= self._after:
            self._world.ledger.store.is_down = False


async def test_long_outage_leaves_the_job_to_the_rescue() -> None:
    """After a minute the worker lets go; the job is claimable once its owner is silent."""
    world = World()
    await world.pay()
    world.chain.before = lambda: setattr(world.ledger.store, "is_down", True)

    assert await world.work() == Outcome.LEFT_TO_RESCUE

    world.ledger.store.is_down = False
    world.chain.before = lambda: None
    world.clock.advance(5)
    assert await world.work(owner="host:2:bbbb") == Outcome.DELIVERED


async def test_claim_during_an_outage_is_left_to_the_rescue() -> None:
    """No MongoDB, no claim, no exception."""
    world = World()
    await world.pay()
    await world.ledger.presence.beat(OWNER, holding=())
    world.ledger.store.is_down = True

    assert await world.story.work(JOB_ID, owner=OWNER) == Outcome.LEFT_TO_RESCUE


async def test_surprises_are_recorded_and_bounded() -> None:
    """A poison job is tried a few times, each time on record, and ends in front of a human."""
    secret = "Anna Muster"
    world = World(chain=ScriptedChain([KeyError(secret)] * 100))
    await world.pay()

    for _ in range(6):
        await world.work()
        world.clock.advance(900)

    job = await world.job()
    assert job.reason is not None
    assert (job.state, job.reason.code) == (State.PARKED, ReasonCode.INTERNAL_ERROR)
    assert len(world.chain.asked) == 6
    errors = world.ledger.store.all(ERROR_LOGS)
    assert all(secret not in str(entry) for entry in errors)
    assert any("fakes_worker.py" in (entry["stack_trace"] or "") for entry in errors)


async def test_job_budget_ends_a_hanging_chain() -> None:
    """A chain that never returns costs the budget, then the job waits."""
    world = World()
    await world.pay()
    hurried = replace(world.patience, job_s=0.01)
    story = replace(world.story, chain=HangingChain(), patience=hurried)

    assert await world.work(story=story) == Outcome.WAITING


async def test_drain_hands_the_job_back() -> None:
    """A cancelled story releases its job at once and rings for another worker."""
    world = World()
    await world.pay()
    chain = HangingChain()
    task = asyncio.create_task(world.work(story=replace(world.story, chain=chain)))
    await chain.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    job = await world.job()
    assert (job.state, job.owner) == (State.QUEUED, None)
    assert world.ringer.rung == [JOB_ID]
    assert await world.work(owner="host:2:bbbb") == Outcome.DELIVERED


async def test_journaled_answer_is_not_paid_twice() -> None:
    """A worker died after the journal: the next one delivers without asking a model."""
    world = World()
    await world.pay()
    await world.ledger.presence.beat("dead", holding=())
    claim = await world.ledger.jobs.claim(JOB_ID, owner="dead")
    assert claim is not None
    await world.ledger.jobs.link(claim, ORDER_ID)
    await world.ledger.jobs.journal(claim, answer())
    world.clock.advance(3)

    assert await world.work() == Outcome.DELIVERED
    assert world.chain.asked == []


class UncountingJobs(MemoryJobs):
    async def count_attempt(self, claim: Claim) -> None:
        raise Unavailable(claim.job_id)


async def test_records_that_cannot_be_written_stop_nothing() -> None:
    """An attempt that cannot be counted is no reason to give the order up."""
    world = World(chain=ScriptedChain([ChainExhausted("all down")]))
    await world.pay()
    story = replace(world.story, jobs=UncountingJobs(world.ledger.store, world.ledger.presence))

    assert await world.work(story=story) == Outcome.WAITING
    assert (await world.job()).attempts == 0
    world.clock.advance(60)
    assert await world.work(story=story) == Outcome.DELIVERED


async def test_mail_duties_start_pending() -> None:
    """Mails are owed from the delivery on, one to the customer and one to the shop."""
    owed = World().mails.owed()

    assert {to: duty.state for to, duty in owed.items()} == {
        MailTo.CUSTOMER: MailState.PENDING,
        MailTo.ADMIN: MailState.PENDING,
    }
