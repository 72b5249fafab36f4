"""Stripe tells the same thing many times; the inbox keeps it once."""

import asyncio

from ledger.names import STRIPE_EVENTS
from tests.integration.ledger.examples import after, make_notice
from tests.integration.ledger.world import World


async def test_deliveries_are_counted(world: World) -> None:
    """The second delivery of an event is the second, not the first of another."""
    assert await world.inbox.receive(make_notice()) == 1
    assert await world.inbox.receive(make_notice()) == 2


async def test_thirty_deliveries_at_once_are_one_event(world: World) -> None:
    """Every call gets its own number and none an error."""
    counts = await asyncio.gather(*(world.inbox.receive(make_notice()) for _ in range(30)))
    assert sorted(counts) == list(range(1, 31))
    assert len(await world.documents(STRIPE_EVENTS)) == 1


async def test_a_repeat_changes_no_field(world: World) -> None:
    """The first telling counts, also for the time of receipt."""
    await world.inbox.receive(make_notice())
    received_at = world.clock.now()
    world.clock.advance(60)
    await world.inbox.receive(make_notice(amount_refunded=1))
    [event] = await world.documents(STRIPE_EVENTS)
    assert (event["amount_refunded"], event["received_at"]) == (1490, received_at)


async def test_events_about_a_payment_come_back_in_order(world: World) -> None:
    """All of them, oldest first, as they went in."""
    first = make_notice("evt_1")
    second = make_notice("evt_2", created=after(first.created, 10), refunded=None)
    for notice in (second, first, make_notice("evt_3", payment_intent="pi_other")):
        await world.inbox.receive(notice)
    assert await world.inbox.about_payment("pi_1") == [first, second]


async def test_an_event_is_finished_once(world: World) -> None:
    """When and how it ended is on its row; a row that is not there is not made."""
    for event_id in ("evt_1", "evt_2"):
        await world.inbox.receive(make_notice(event_id))
    await world.inbox.handled("evt_1", "job_opened")
    await world.inbox.handled("evt_unknown", "ignored")
    found = {
        e["_id"]: (e["outcome"], e["handled_at"]) for e in await world.documents(STRIPE_EVENTS)
    }
    assert found == {"evt_1": ("job_opened", world.clock.now()), "evt_2": (None, None)}
