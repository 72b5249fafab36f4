"""Signed Stripe events at a fixed rate, from a process of its own.

Open loop: every request has its moment, whether the ones before were answered or not, and its
time counts from that moment. A slow answer thus cannot hide the wait of those behind it
(coordinated omission).
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import uvloop

from bench.probe import write_json
from sandbox.ids import Ids
from sandbox.stripe_world import event, order_metadata, session, sign

LEAD_S = 0.3


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` per second for `seconds`; or, without a rate, `at_once` connections as fast as can be.

    `orders` are ids by session id; without them every event names an order of its own. Notes go to
    the file `result`.
    """

    url: str
    secret: str
    result: str = ""
    rate: float = 0.0
    seconds: float = 5.0
    at_once: int = 16
    fresh: bool = False
    orders: Mapping[str, str] | None = None

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))


@dataclass(frozen=True, slots=True)
class Shot:
    session_id: str
    body: bytes
    headers: dict[str, str]


class Gun:
    """Posts events and notes when each was due, how long it took and what was answered."""

    def __init__(self, load: Load, http: aiohttp.ClientSession) -> None:
        self._load = load
        self._http = http
        self.latencies_s: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.due_at: dict[str, float] = {}

    async def fire(self, shot: Shot, due: float) -> None:
        self.due_at[shot.session_id] = time.time() - (time.perf_counter() - due)
        try:
            async with self._http.post(
                self._load.url, data=shot.body, headers=shot.headers
            ) as response:
                await response.read()
                self.statuses[str(response.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.statuses[type(error).__name__] += 1
        self.latencies_s.append(time.perf_counter() - due)


async def shoot(load: Load) -> dict[str, Any]:
    connector = aiohttp.TCPConnector(limit=0, force_close=load.fresh)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        gun = Gun(load, http)
        begun = await (_by_the_clock(gun, load) if load.rate else _flat_out(gun, load))
        wall = time.perf_counter() - begun
    return {
        "latencies_s": gun.latencies_s,
        "statuses": dict(gun.statuses),
        "due_at": gun.due_at,
        "wall_s": wall,
    }


async def _by_the_clock(gun: Gun, load: Load) -> float:
    """Return when the first shot was due."""
    shots = list(_shots(load, round(load.rate * load.seconds)))
    start, under_way = time.perf_counter() + LEAD_S, set()
    for number, shot in enumerate(shots):
        due = start + number / load.rate
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        task = asyncio.create_task(gun.fire(shot, due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    return start


async def _flat_out(gun: Gun, load: Load) -> float:
    shots, start = _shots(load, sys.maxsize), time.perf_counter()
    until = start + load.seconds

    async def again_and_again() -> None:
        while time.perf_counter() < until:
            await gun.fire(next(shots), time.perf_counter())

    await asyncio.gather(*(again_and_again() for _ in range(load.at_once)))
    return start


def _shots(load: Load, count: int) -> Iterator[Shot]:
    rng = Random()  # noqa: S311 - ids of a measurement must only differ
    ids, orders = Ids(rng), list((load.orders or {}).items())
    for number in range(count):
        known = orders[number] if number < len(orders) else None
        yield _shot(ids, load.secret, known)


def _shot(ids: Ids, secret: str, known: tuple[str, str] | None) -> Shot:
    now = int(time.time())
    order_id = known[1] if known else f"{ids.uuid().replace('-', '')[:24]}"
    paid = session(
        ids,
        created=now,
        subtotal=1490,
        metadata=order_metadata("valuation", order_id),
        email="anna@example.org",
        name="Anna Beispiel",
    )
    if known:
        paid["id"] = known[0]
    told = event(ids, "checkout.session.completed", paid, created=now, livemode=False)
    body = json.dumps(told, indent=2).encode()
    headers = {"stripe-signature": sign(body, secret, now), "content-type": "application/json"}
    return Shot(str(paid["id"]), body, headers)


def main(arguments: Sequence[str]) -> None:
    load = Load(**json.loads(Path(arguments[0]).read_text("utf-8")))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        write_json(Path(load.result), runner.run(shoot(load)))


if __name__ == "__main__":
    main(sys.argv[1:])
