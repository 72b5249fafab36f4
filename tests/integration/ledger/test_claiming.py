"""Who may work on a job, and what becomes of a dead worker's jobs."""

import asyncio

import pytest

from domain.errors import LostClaim
from domain.job import Kind, Reason, ReasonCode, Stage, State
from tests.integration.ledger.examples import CHAIN_EXHAUSTED, DUTIES, after
from tests.integration.ledger.world import World


async def test_claiming_starts_a_queued_job(world: World) -> None:
    """The owner is written, the fence rises, the start is noted."""
    claim = await world.claim(await world.open())
    assert (claim.owner, claim.fence) == ("worker-a", 1)
    assert claim.job.state is State.RUNNING
    assert claim.job.started_at == world.clock.now()


async def test_fifty_rings_start_a_job_once(world: World) -> None:
    """However many messages say "work", one worker gets the job."""
    job = await world.open()
    owners = [f"worker-{number}" for number in range(50)]
    await asyncio.gather(*(world.presence.beat(owner, holding=[]) for owner in owners))
    claims = await asyncio.gather(*(world.jobs.claim(job.id, owner=owner) for owner in owners))
    assert len([claim for claim in claims if claim]) == 1
    assert (await world.get(job.id)).fence == 1


async def test_a_living_owner_keeps_its_job(world: World) -> None:
    """Not even its own second message takes it away."""
    job = await world.open()
    await world.claim(job)
    assert await world.jobs.claim(job.id, owner="worker-b") is None
    assert await world.jobs.claim(job.id, owner="worker-a") is None


async def test_a_silent_owner_loses_its_job_to_one_successor(world: World) -> None:
    """Thirty see the dead worker's job, one takes it over, the old claim is void."""
    job = await world.open()
    old = await world.claim(job, "worker-dead")
    world.clock.advance(1)
    await world.silence("worker-dead")
    owners = [f"worker-{number}" for number in range(30)]
    await asyncio.gather(*(world.presence.beat(owner, holding=[]) for owner in owners))
    claims = await asyncio.gather(*(world.jobs.claim(job.id, owner=owner) for owner in owners))
    [taken] = [claim for claim in claims if claim]
    assert taken.fence == old.fence + 1
    assert taken.job.started_at == old.job.started_at
    with pytest.raises(LostClaim):
        await world.jobs.reach(old, Stage.GENERATING)


async def test_an_owner_that_left_is_dead_at_once(world: World) -> None:
    """Leaving politely does not cost the waiting time."""
    job = await world.open()
    await world.claim(job, "worker-a")
    await world.presence.leave("worker-a")
    assert await world.jobs.claim(job.id, owner="worker-b") is not None


async def test_an_answered_job_is_taken_over_with_its_answer(world: World) -> None:
    """A crash after paying the model never pays twice."""
    answered = await world.answered(await world.open(), "worker-dead")
    await world.silence("worker-dead")
    taken = await world.claim(answered.job, "worker-b")
    assert taken.job.state is State.ANSWERED
    assert taken.job.answer == answered.job.answer


async def test_jobs_that_need_nobody_cannot_be_claimed(world: World) -> None:
    """Waiting before its time, parked with all said, unknown: there is nothing to take."""
    waiting = await world.claim(await world.open("cs_1", order_id=None))
    await world.jobs.wait(waiting, after(world.clock.now(), 60), CHAIN_EXHAUSTED)
    parked = await world.claim(await world.open("cs_2", order_id=None))
    await world.jobs.park(parked, Reason(code=ReasonCode.BY_HAND))
    for job_id in (waiting.job_id, parked.job_id, "valuation:cs_unknown"):
        assert await world.jobs.claim(job_id, owner="worker-b") is None


async def test_a_waiting_job_is_claimable_when_its_time_has_come(world: World) -> None:
    """The reason for waiting goes, the rounds stay."""
    claim = await world.claim(await world.open())
    await world.jobs.wait(claim, after(world.clock.now(), 60), CHAIN_EXHAUSTED)
    world.clock.advance(60)
    again = await world.claim(claim.job)
    assert (again.job.state, again.job.reason, again.job.rounds) == (State.RUNNING, None, 1)
    assert again.fence == 2


async def test_due_lists_the_longest_due_first(world: World) -> None:
    """Only jobs without a living owner are listed, up to the limit."""
    for number in range(4):
        await world.open(f"cs_{number}", order_id=None)
        world.clock.advance(1)
    await world.claim(await world.get("valuation:cs_0"))
    due = await world.jobs.due(2, rung_before=world.clock.now())
    assert due == ["valuation:cs_1", "valuation:cs_2"]


async def test_a_dead_owners_job_is_due(world: World) -> None:
    """The rescue loop sees it as soon as the owner counts as dead."""
    job = await world.open()
    await world.claim(job, "worker-dead")
    world.clock.advance(3)
    assert await world.jobs.due(10, rung_before=world.clock.now()) == []
    await world.silence("worker-dead")
    assert await world.jobs.due(10, rung_before=world.clock.now()) == [job.id]


async def test_orphans_are_the_jobs_of_the_dead(world: World) -> None:
    """Neither what nobody took yet nor what the living have, however lately it was rung."""
    orphan = await world.open("cs_orphan", order_id=None)
    held = await world.open("cs_held", order_id=None)
    await world.open("cs_new", order_id=None)
    await world.jobs.mark_rung([orphan.id])
    await world.claim(orphan, "worker-dead")
    await world.claim(held, "worker-b")
    assert await world.jobs.orphans(10) == {}

    await world.silence("worker-dead")

    assert list(await world.jobs.orphans(10)) == [orphan.id]


async def test_a_worker_that_dies_with_a_job_is_counted(world: World) -> None:
    """A job that kills its workers must not go round for ever; hand-backs are no deaths."""
    claim = await world.claim(await world.open())
    await world.jobs.release(claim)
    claim = await world.claim(claim.job, "worker-dead")
    await world.silence("worker-dead")

    again = await world.claim(claim.job)

    assert (claim.job.deaths, again.job.deaths) == (0, 1)


async def test_rounds_begin_anew_with_another_reason(world: World) -> None:
    """Each reason for waiting has its own schedule."""
    job, rounds = await world.open(), []
    for code in ("order_missing", "order_missing", "chain_exhausted"):
        claim = await world.claim(job)
        await world.jobs.wait(claim, world.clock.now(), Reason(code=ReasonCode(code)))
        job = await world.get(job.id)
        rounds.append(job.rounds)

    assert rounds == [1, 2, 1]


@pytest.mark.parametrize("pause_s", [0, 5])
async def test_a_job_is_not_rung_again_too_soon(world: World, pause_s: int) -> None:
    """Who opens a job rings for it; two rescue loops do not double the rings either."""
    job = await world.open()
    if pause_s:
        world.clock.advance(pause_s)
        await world.jobs.mark_rung([job.id, "valuation:cs_unknown"])
    rung_at = world.clock.now()
    assert await world.jobs.due(10, rung_before=rung_at) == []
    assert await world.jobs.due(10, rung_before=after(rung_at, 0.001)) == [job.id]


async def test_release_makes_a_job_due_for_others(world: World) -> None:
    """A worker that shuts down hands its running job back as queued."""
    claim = await world.claim(await world.open())
    await world.jobs.release(claim)
    released = await world.get(claim.job_id)
    assert (released.state, released.owner) == (State.QUEUED, None)
    assert await world.jobs.claim(claim.job_id, owner="worker-b") is not None


@pytest.mark.parametrize("is_delivered", [False, True])
async def test_release_keeps_what_was_reached(world: World, is_delivered: bool) -> None:  # noqa: FBT001 - a table's column
    """An answer or a delivery is never undone by handing the job back."""
    await world.put_order(Kind.VALUATION)
    claim = await world.answered(await world.open())
    if is_delivered:
        claim = await world.jobs.deliver(claim, DUTIES)
    await world.jobs.release(claim)
    released = await world.get(claim.job_id)
    assert (released.state, released.owner) == (claim.job.state, None)
    assert released.not_before == world.clock.now()


async def test_forgotten_jobs_are_released(world: World) -> None:
    """What the ledger gave and the worker never heard of goes back to the queue."""
    known, forgotten, foreign = [
        await world.open(f"cs_{name}", order_id=None) for name in ("known", "forgotten", "foreign")
    ]
    await world.claim(known)
    await world.claim(forgotten)
    await world.claim(foreign, "worker-b")
    assert await world.jobs.release_forgotten("worker-a", [known.id]) == 1
    assert (await world.get(known.id)).owner == "worker-a"
    assert (await world.get(foreign.id)).owner == "worker-b"
    assert (await world.get(forgotten.id)).state is State.QUEUED


async def test_the_backlog_counts_and_names_the_oldest_owed(world: World) -> None:
    """Parked jobs are counted but are the humans' to answer for."""
    assert (await world.jobs.backlog()).oldest_undelivered is None
    await world.jobs.park(await world.claim(await world.open("cs_1")), CHAIN_EXHAUSTED)
    world.clock.advance(5)
    oldest = await world.open("cs_2", order_id=None)
    world.clock.advance(5)
    await world.open("cs_3", order_id=None)
    backlog = await world.jobs.backlog()
    assert backlog.counts == {State.PARKED: 1, State.QUEUED: 2}
    assert backlog.oldest_undelivered == oldest.created_at
