"""Signed events with the durable write: how fast, with Redis up, down and frozen."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.figures import Figure, Section, Table, Target, percentile, ratio
from bench.house import House
from bench.serving import Served, bare_route, events_for, fire, web

RATE: Final = 100.0
OURS: Final = "ours"
BARE: Final = "bare route, one insert"


@dataclass(frozen=True, slots=True)
class Salvo:
    """One load on one route. Milliseconds; `cpu` is the serving process's per request."""

    route: str
    redis: str
    connections: str
    p50: float
    p99: float
    per_s: float
    cpu: float
    statuses: dict[str, int]


def measure(house: House, *, quick: bool) -> Section:
    house.new_database()
    seconds = 3.0 if quick else 6.0
    with web(house) as ours, bare_route(house) as bare:
        _warm_up(house, (ours, bare))
        salvos = list(_salvos(house, ours, bare, seconds))
        flat_out = [] if quick else [_flat_out(house, OURS, ours), _flat_out(house, BARE, bare)]
    return Section(
        "webhook",
        f"Webhook: signed events at {RATE:g}/s, open loop, from another process",
        tables=[_table([*salvos, *flat_out])],
        figures=_figures(salvos),
        notes=[_strange(salvo) for salvo in [*salvos, *flat_out] if set(salvo.statuses) != {"200"}],
    )


def _salvos(house: House, ours: Served, bare: Served, seconds: float) -> Iterator[Salvo]:
    for fresh in (False, True):
        yield _salvo(house, BARE, bare, seconds=seconds, fresh=fresh)
        yield _salvo(house, OURS, ours, seconds=seconds, fresh=fresh)
    with _frozen(house):
        yield _salvo(house, OURS, ours, seconds=seconds, redis="frozen")
    house.valkey.kill()
    yield _salvo(house, OURS, ours, seconds=seconds, redis="down")
    house.valkey.start()


def _salvo(
    house: House,
    route: str,
    served: Served,
    *,
    seconds: float,
    rate: float = RATE,
    fresh: bool = False,
    redis: str = "up",
) -> Salvo:
    cpu_s = served.cpu_s()
    told = fire(house, events_for(served.url, rate=rate, seconds=seconds, fresh=fresh))
    latencies = [1000 * latency for latency in told["latencies_s"]]
    return Salvo(
        route,
        redis,
        "new" if fresh else "kept",
        percentile(latencies, 50),
        percentile(latencies, 99),
        told["statuses"].get("200", 0) / told["wall_s"],
        1000 * (served.cpu_s() - cpu_s) / len(latencies),
        told["statuses"],
    )


def _flat_out(house: House, route: str, served: Served) -> Salvo:
    return _salvo(house, f"{route}, 16 at once", served, seconds=4.0, rate=0.0)


def _warm_up(house: House, everybody: tuple[Served, ...]) -> None:
    for served in everybody:
        fire(house, events_for(served.url, rate=50.0, seconds=1.0))


@contextlib.contextmanager
def _frozen(house: House) -> Iterator[None]:
    """Stop Valkey in its tracks: connections stay open and nothing answers."""
    os.kill(house.valkey.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(house.valkey.pid, signal.SIGCONT)


def _table(salvos: list[Salvo]) -> Table:
    columns = ("route", "Redis", "connections", "p50 ms", "p99 ms", "requests/s", "CPU ms/request")
    rows = [(s.route, s.redis, s.connections, s.p50, s.p99, s.per_s, s.cpu) for s in salvos]
    return Table(columns, rows)


def _figures(salvos: list[Salvo]) -> list[Figure]:
    by = {(salvo.route, salvo.redis, salvo.connections): salvo for salvo in salvos}
    ours, bare = by[OURS, "up", "kept"], by[BARE, "up", "kept"]
    figures = [
        Figure("p50 / bare route's", ratio(ours.p50, bare.p50), "x", Target(2.0)),
        Figure("p99 / bare route's", ratio(ours.p99, bare.p99), "x"),
        Figure("CPU / bare route's", ratio(ours.cpu, bare.cpu), "x"),
    ]
    for salvo in (one for one in salvos if one.route == OURS):
        name = f"p99, Redis {salvo.redis}, {salvo.connections} connections"
        figures.append(Figure(name, salvo.p99, "ms", Target(25.0)))
    return figures


def _strange(salvo: Salvo) -> str:
    return f"{salvo.route}, Redis {salvo.redis}: answers {salvo.statuses}"
