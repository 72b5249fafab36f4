"""The body under dramatiq: asynchronous actors, one thread per job in flight."""

import asyncio
import threading

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware.asyncio import AsyncIO

from bench.peers.body import Body
from bench.peers.starting import main
from bench.probe import Orders, Probe


def fill() -> None:
    work = dramatiq.actor(_unused, broker=_broker(), actor_name="work", queue_name="bench")
    for job_id in Orders.read().job_ids():
        work.send(job_id)


def serve() -> None:
    orders, broker = Orders.read(), _broker()
    probe, bodies = Probe(orders), list[Body]()

    async def work(job_id: str) -> None:
        if not bodies:
            bodies.append(Body(orders))
        await probe.around(bodies[0].run)(job_id)

    dramatiq.actor(work, broker=broker, actor_name="work", queue_name="bench", max_retries=0)
    dramatiq.Worker(broker, worker_threads=orders.flight).start()
    threading.Event().wait()


async def _unused(job_id: str) -> None:
    await asyncio.sleep(0, job_id)


def _broker() -> RedisBroker:
    broker = RedisBroker(url=Orders.read().redis_url)
    broker.add_middleware(AsyncIO())
    return broker


if __name__ == "__main__":
    main(fill, serve)
