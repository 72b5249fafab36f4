"""The body under our own way of running Celery: its thread pool, our loop, our settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.peers.body import Body
from bench.peers.starting import main
from bench.probe import Orders, Probe
from config.clock import SystemClock
from doorbell.app import make_celery
from doorbell.names import QUEUE, TaskName
from doorbell.ringer import CeleryRinger
from schedules.wiring import Unheard
from worker import tasks
from worker.hands import Hands
from worker.program import run
from worker.pulse import Pulse
from worker.runtime import Desk, Runtime


def fill() -> None:
    orders = Orders.read()
    app = make_celery(orders.redis_url, name="bench")
    for job_id in orders.job_ids():
        app.send_task(TaskName.WORK, args=(job_id,), queue=QUEUE, ignore_result=True)


def serve() -> None:
    serve_with(Orders.read(), Runtime(_open_desk, grace_s=0.1, on_death=lambda: None))


def serve_with(orders: Orders, runtime: Runtime) -> None:
    """Consume for ever, as `python -m worker` does."""
    app = make_celery(orders.redis_url, name="bench")
    tasks.register(app, runtime)
    runtime.start()
    run(app, runtime, concurrency=orders.flight, hostname="bench@localhost")


@asynccontextmanager
async def _open_desk(hands: Hands) -> AsyncIterator[Desk]:
    orders = Orders.read()
    yield Desk(
        work=Probe(orders).around(Body(orders).run),
        background=[],
        chores={},
        pulse=Pulse(Unheard(), owner="bench", hands=hands, clock=SystemClock()),
        ringer=CeleryRinger(make_celery(orders.redis_url, name="bench-bell")),
    )


if __name__ == "__main__":
    main(fill, serve)
