"""The body under taskiq: Redis streams, acknowledged after the work."""

from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

from bench.peers.body import Body
from bench.peers.starting import main, run
from bench.probe import Orders, Probe


def fill() -> None:
    run(_fill())


def serve() -> None:
    run(_serve())


async def _fill() -> None:
    broker, orders = _broker(), Orders.read()
    work = broker.register_task(_unused, task_name="work")
    await broker.startup()
    for job_id in orders.job_ids():
        await work.kiq(job_id)
    await broker.shutdown()


async def _serve() -> None:
    broker, orders = _broker(), Orders.read()
    body = Body(orders)
    broker.register_task(Probe(orders).around(body.run), task_name="work")
    await run_receiver_task(broker, max_async_tasks=orders.flight, run_startup=True)


async def _unused(job_id: str) -> str:
    return job_id


def _broker() -> RedisStreamBroker:
    return RedisStreamBroker(Orders.read().redis_url, consumer_id="0")


if __name__ == "__main__":
    main(fill, serve)
