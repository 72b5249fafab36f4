"""`GET /orders/{session_id}/events`: versions, resumption, endings."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.job import Stage, State
from ledger.names import JOBS
from producer.progress import LONGEST_S, Progress
from producer.status import NoSuchOrder
from tests.builders import SESSION_ID
from tests.fakes.clock import FakeClock
from tests.stripe_events import event, session
from tests.unit.producer.fakes import World, world

JOB_ID = f"valuation:{SESSION_ID}"
PATH = f"/orders/{SESSION_ID}/events"


class ScriptedClock(FakeClock):
    """A clock on whose every sleep the next thing happens."""

    def __init__(self, script: list[Callable[[], None]]) -> None:
        super().__init__()
        self._script = script
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self.slept.append(seconds)
        if self._script:
            self._script.pop(0)()


async def paid_world() -> World:
    here = world()
    await here.deliver(event(session()))
    return here


def change(here: World, **changes: Any) -> Callable[[], None]:
    """Change the job when called, as a worker would."""

    def act() -> None:
        job = here.store.get(JOBS, JOB_ID)
        assert job is not None
        here.clock.advance(1)
        here.store.put(JOBS, job | changes | {"updated_at": here.clock.now()})

    return act


def down(here: World, *, is_down: bool) -> Callable[[], None]:
    def act() -> None:
        here.store.is_down = is_down

    return act


async def states(here: World, script: list[Callable[[], None]], **options: Any) -> list[str]:
    """Follow the order through the script and return the ids of the events sent."""
    clock = ScriptedClock(script)
    progress = Progress(here.status, clock=clock)
    view = await here.status.find(SESSION_ID)
    sent = [str(sent.id) async for sent in progress.events(view, options.get("last_seen"))]
    assert set(clock.slept) <= {1.0}
    return [event_id.partition("-")[2] for event_id in sent]


async def test_each_version_is_sent_once_until_delivered() -> None:
    """Looks without news send nothing; delivery ends the stream."""
    here = await paid_world()
    running = change(here, state=State.RUNNING.value, stage=Stage.PREPARING.value)
    generating = change(here, stage=Stage.GENERATING.value)
    delivered = change(here, state=State.DELIVERED.value)

    assert await states(here, [lambda: None, running, lambda: None, generating, delivered]) == [
        "queued-", "running-preparing", "running-generating", "delivered-",
    ]  # fmt: skip


@pytest.mark.parametrize("state", [State.PARKED, State.CANCELLED])
async def test_states_for_humans_end_the_stream(state: State) -> None:
    """Nothing changes there within the life of a page."""
    here = await paid_world()

    assert await states(here, [change(here, state=state.value)]) == ["queued-", f"{state.value}-"]


async def test_resuming_skips_what_was_seen() -> None:
    """Last-Event-ID names the version the browser has."""
    here = await paid_world()
    seen = (await here.status.find(SESSION_ID)).version

    sent = await states(here, [change(here, state=State.DELIVERED.value)], last_seen=seen)

    assert sent == ["delivered-"]


async def test_outage_is_bridged() -> None:
    """While MongoDB is down the stream stays open and continues afterwards."""
    here = await paid_world()
    script = [
        down(here, is_down=True),
        down(here, is_down=False),
        change(here, state=State.DELIVERED.value),
    ]

    assert await states(here, script) == ["queued-", "delivered-"]


async def test_stream_ends_after_its_longest_time() -> None:
    """A job that waits for an hour does not hold a connection; the browser comes back."""
    here = await paid_world()
    clock = ScriptedClock([])
    progress = Progress(here.status, clock=clock)

    sent = [sent async for sent in progress.events(await here.status.find(SESSION_ID))]

    assert len(sent) == 1
    assert len(clock.slept) == LONGEST_S


async def test_unknown_order_is_refused_before_streaming() -> None:
    """A stream that has begun can no longer say 404."""
    with pytest.raises(NoSuchOrder):
        await world().progress.start("cs_live_unknown", None, "192.0.2.1")


async def test_over_http() -> None:
    """The same object as the status route, as server-sent events with ids."""
    here = await paid_world()
    change(here, state=State.DELIVERED.value)()

    response = await here.get(PATH)

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    lines = response.text.splitlines()
    status = await here.get(f"/orders/{SESSION_ID}")
    version = (await here.status.find(SESSION_ID)).version
    assert lines[0] == f"id: {version}"
    assert lines[1] == f"data: {status.text}"


async def test_final_state_stops_the_browser() -> None:
    """204 tells an EventSource that has seen the end not to connect again."""
    here = await paid_world()
    change(here, state=State.DELIVERED.value)()
    version = (await here.status.find(SESSION_ID)).version

    response = await here.get(PATH, **{"Last-Event-ID": version})

    assert (response.status_code, response.content) == (204, b"")
