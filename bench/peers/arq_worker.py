"""The body under arq. Its pause between two looks at the queue is shortened from 0.5 s."""

import logging
from typing import Any, Final

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func

from bench.peers.body import Body
from bench.peers.starting import main, run
from bench.probe import Orders, Probe

POLL_S: Final = 0.05


def fill() -> None:
    run(_fill())


def serve() -> None:
    run(_serve())


async def _fill() -> None:
    orders = Orders.read()
    pool = await create_pool(RedisSettings.from_dsn(orders.redis_url))
    for job_id in orders.job_ids():
        await pool.enqueue_job("work", job_id)
    await pool.aclose()


async def _serve() -> None:
    orders = Orders.read()
    logging.getLogger("arq").setLevel(logging.WARNING)
    measured = Probe(orders).around(Body(orders).run)

    async def work(_context: dict[Any, Any], job_id: str) -> None:
        await measured(job_id)

    worker = Worker(
        [func(work, name="work")],
        redis_settings=RedisSettings.from_dsn(orders.redis_url),
        max_jobs=orders.flight,
        keep_result=0,
        poll_delay=POLL_S,
        handle_signals=False,
        log_results=False,
    )
    await worker.async_run()


if __name__ == "__main__":
    main(fill, serve)
