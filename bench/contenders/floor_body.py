"""The body without any queue: the floor under everything else."""

import asyncio
from collections.abc import Iterator

from bench.peers.body import Body
from bench.peers.starting import main, run
from bench.probe import Orders, Probe, Work


def fill() -> None:
    """There is no queue to fill."""


def serve() -> None:
    run(_serve())


async def _serve() -> None:
    orders = Orders.read()
    await all_of(orders, Probe(orders).around(Body(orders).run))


async def all_of(orders: Orders, work: Work) -> None:
    """Work all jobs, as many at once as ordered."""
    waiting = iter(orders.job_ids())
    await asyncio.gather(*(_one_after_another(waiting, work) for _ in range(orders.flight)))


async def _one_after_another(waiting: Iterator[str], work: Work) -> None:
    for job_id in waiting:
        await work(job_id)


if __name__ == "__main__":
    main(fill, serve)
