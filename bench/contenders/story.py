"""The real story of an order, under Celery as `python -m worker` runs it, or with no queue."""

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo import monitoring

from bench.contenders.celery_body import fill, serve_with
from bench.peers.starting import main
from bench.probe import Orders, Probe
from config.startup import begin
from ledger.connection import connect
from worker.endings import Outcome
from worker.hands import Hands
from worker.runtime import Desk, OpenDesk, Runtime, new_owner
from worker.wiring import desk_opener


class CommandCounter(monitoring.CommandListener):
    """Counts what is sent to MongoDB by command and collection."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        target = event.command.get(event.command_name)
        where = target if isinstance(target, str) else ""
        self.counts[f"{event.command_name} {where}".strip()] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Not of interest."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self.counts[f"failed {event.command_name}"] += 1


def serve() -> None:
    serve_with(Orders.read(), Runtime(measured_opener(), grace_s=0.1, on_death=lambda: None))


def measured_opener() -> OpenDesk:
    """Return the real worker's desk with a probe around the story."""
    settings, orders = begin("bench"), Orders.read()
    counter = CommandCounter()
    monitoring.register(counter)
    connection = connect(settings.mongodb_uri, settings.mongodb_db, app_name="bench")
    open_real = desk_opener(settings, connection, owner=new_owner())
    probe = Probe(orders, good=Outcome.DELIVERED)
    probe.extra = lambda: {"commands": _of_jobs(counter.counts)}

    @asynccontextmanager
    async def open_desk(hands: Hands) -> AsyncIterator[Desk]:
        async with open_real(hands) as desk:
            counter.counts.clear()
            yield dataclasses.replace(desk, work=probe.around(desk.work))

    return open_desk


def _of_jobs(counts: Counter[str]) -> dict[str, Any]:
    """Leave out what the process does without any job: heartbeats, switches, monitoring."""
    idle = {"hello", "ping", "endSessions", "update workers", "find workers", "find switches"}
    return {command: number for command, number in counts.items() if command not in idle}


if __name__ == "__main__":
    main(fill, serve)
