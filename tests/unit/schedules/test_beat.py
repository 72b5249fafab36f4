"""Ticking, without Redis: Celery's transport in memory."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from structlog.testing import capture_logs

from doorbell.app import make_celery
from doorbell.names import CLOCK_QUEUE, QUEUE
from schedules.beat import LONGEST_NAP, ForgetfulScheduler
from schedules.timetable import TIMETABLE, beat_schedule


@pytest.fixture
def app() -> Iterator[Celery]:
    app = make_celery("memory://", name="beat", queues=(QUEUE, CLOCK_QUEUE))
    app.conf.broker_transport_options = {}
    app.conf.beat_schedule = beat_schedule(TIMETABLE)
    yield app
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        for queue in (QUEUE, CLOCK_QUEUE):
            channel.queue_purge(queue)
    app.close()


def tick_all(app: Celery) -> float:
    """Tick until there is a pause; return it."""
    scheduler = ForgetfulScheduler(app, max_interval=LONGEST_NAP)
    while not (pause := scheduler.tick()):
        pass
    return float(pause)


def waiting(app: Celery, queue: str) -> int:
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        return int(channel.queue_declare(queue, passive=True).message_count)


def test_everything_ticks_once_at_the_start(app: Celery) -> None:
    """Then there is a pause until the shortest period is over."""
    pause = tick_all(app)
    assert 0 < pause <= min(entry.every_s for entry in TIMETABLE)
    sent = {queue: waiting(app, queue) for queue in (QUEUE, CLOCK_QUEUE)}
    expected = {q: sum(entry.queue == q for entry in TIMETABLE) for q in sent}
    assert sent == expected


def test_a_tick_that_cannot_be_sent_is_lost(app: Celery) -> None:
    """One line in the log, and the others are sent."""
    schedule = beat_schedule(TIMETABLE)
    broken = schedule["pferdewert.sweep"]
    broken["options"] = {"queue": "typo"}
    app.conf.beat_schedule = schedule
    with capture_logs() as logs:
        tick_all(app)
    lost = [entry for entry in logs if entry["event"] == "tick_lost"]
    assert [entry["task"] for entry in lost] == ["pferdewert.sweep"]
