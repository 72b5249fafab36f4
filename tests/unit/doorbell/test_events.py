"""Events of pool threads reach Flower, however they fall between others."""

from typing import Any

import pytest

from doorbell.app import make_celery
from doorbell.events import WholeDispatcher


class Wire:
    """Stands in for kombu's producer; `during` happens in the middle of the next publishing."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.during: list[str] = []
        self.broken = False
        self.dispatcher: WholeDispatcher | None = None

    def publish(self, events: list[dict[str, Any]], **_: Any) -> None:
        if self.broken:
            raise ConnectionError
        self.published += [event["type"] for event in events]
        for event_type in self.during:
            assert self.dispatcher is not None
            self.dispatcher.send(event_type)
        self.during = []


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def dispatcher(wire: Wire) -> WholeDispatcher:
    app = make_celery("redis://127.0.0.1:1/0", name="test")
    made: Any = app.events.Dispatcher(
        app.connection_for_write(), enabled=False, buffer_group=["task"]
    )
    made.enabled, made.producer = True, wire
    wire.dispatcher = made
    assert isinstance(made, WholeDispatcher)
    return made


def test_an_event_that_comes_while_others_are_published_is_kept(
    dispatcher: WholeDispatcher, wire: Wire
) -> None:
    """A job starts in its thread while the loop still says that it was received."""
    dispatcher.send("task-received")
    wire.during = ["task-started"]
    dispatcher.flush()
    dispatcher.flush()
    dispatcher.flush()

    assert wire.published == ["task-received", "task-started"]


def test_events_wait_for_a_broker_that_is_away(dispatcher: WholeDispatcher, wire: Wire) -> None:
    """Nothing is raised into the job, and what could not be said is said later, once."""
    wire.broken = True
    dispatcher.send("task-started")
    dispatcher.flush()
    wire.broken = False
    dispatcher.flush()
    dispatcher.flush()

    assert wire.published == ["task-started"]
