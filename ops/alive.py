"""`python -m ops.alive worker|beat`: the health check of a process that serves no page.

A supervisor asks it every half minute, so it imports as little as it can.
"""

import argparse
import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from config.clock import SystemClock
from config.loading import SettingsError, load
from config.startup import EX_CONFIG
from domain.errors import Unavailable
from doorbell.names import ClockTask
from ledger.connection import Connection, LedgerMisconfigured, connect
from ledger.leases import ChoreAge, Leases
from ledger.workers import MongoPresence, Worker

SILENT_S: Final = 15.0
"""Silence of a worker that is no hiccup any more; it beats twice a second."""

MONGODB_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the process deserves to go on, and why."""

    alive: bool
    why: str


def judge_workers(workers: Iterable[Worker], host: str) -> Verdict:
    """Look for a fresh heartbeat of this host among those of the last ten minutes."""
    ours = [worker for worker in workers if worker.owner.partition(":")[0] == host]
    fresh = [worker.owner for worker in ours if worker.alive]
    if fresh:
        return Verdict(alive=True, why=f"{fresh[0]} beats")
    if ours:
        return Verdict(alive=False, why=f"{ours[-1].owner} was last seen at {ours[-1].seen_at}")
    return Verdict(alive=False, why=f"no worker of {host} has been heard of in ten minutes")


def judge_clock(chores: Sequence[ChoreAge]) -> Verdict:
    """Look at the chore that is due every minute, whatever the settings say."""
    from schedules.health_wiring import overdue  # noqa: PLC0415 - only the clock's check pays for it

    minutely = [chore for chore in chores if chore.name == ClockTask.HEALTH]
    if not minutely:
        return Verdict(alive=False, why="no chore has been begun yet")
    late = overdue(minutely)
    age = minutely[0].age_s
    since = "never done" if age is None else f"last done {age:.0f} s ago"
    return Verdict(alive=not late, why=f"{minutely[0].name}: {late or since}")


async def examine_worker(connection: Connection, host: str) -> Verdict:
    """Raises Unavailable."""
    presence = MongoPresence(connection, live_within_s=SILENT_S)
    return judge_workers(await presence.workers(), host)


async def examine_clock(connection: Connection) -> Verdict:
    """Raises Unavailable."""
    return judge_clock(await Leases(connection, SystemClock(), holder="").ages())


async def examine(process: str, *, host: str) -> Verdict:
    """Ask the ledger about one process. Raises SettingsError, LedgerMisconfigured.

    While MongoDB is away nothing is known, and a restart would only lose the answers that a worker
    holds until it is back: that is not the process's fault.
    """
    settings = load()
    connection = connect(
        settings.mongodb_uri,
        settings.mongodb_db,
        app_name="pferdewert-alive",
        op_timeout_s=MONGODB_S,
    )
    asks: dict[str, Callable[[], Awaitable[Verdict]]] = {
        "worker": lambda: examine_worker(connection, host),
        "beat": lambda: examine_clock(connection),
    }
    try:
        return await asks[process]()
    except Unavailable as error:
        return Verdict(alive=True, why=f"unknown: {error}")
    finally:
        connection.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when the process is alive or nothing can be known, 1 when it is not."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.alive",
        description="Tell a supervisor whether the worker or the beat of this host does its work.",
        epilog="Exit codes: 0 alive, or MongoDB does not answer; 1 silent; 2 wrong usage; "
        "78 the environment does not add up.",
    )
    parser.add_argument("process", choices=["worker", "beat"])
    process = parser.parse_args(arguments).process
    try:
        verdict = asyncio.run(examine(process, host=socket.gethostname()))
    except (SettingsError, LedgerMisconfigured) as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    print(verdict.why)
    return 0 if verdict.alive else 1


if __name__ == "__main__":
    sys.exit(main())
