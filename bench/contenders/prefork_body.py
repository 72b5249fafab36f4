"""The body as a plain Celery task: prefork, a new loop and new clients for every job."""

import asyncio
import threading
import time

import psutil
import pymongo
from celery import Celery

from bench.peers.body import COLLECTION, DONE, Body
from bench.peers.starting import main
from bench.probe import Orders, write_json


def make_app() -> Celery:
    app = Celery("bench", broker=Orders.read().redis_url, set_as_current=False)
    app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, task_ignore_result=True)
    app.task(name="work", shared=False)(_work)
    return app


def fill() -> None:
    app = make_app()
    for job_id in Orders.read().job_ids():
        app.send_task("work", args=(job_id,))


def serve() -> None:
    threading.Thread(target=_watch, daemon=True).start()
    make_app().worker_main(
        ["worker", "--pool=prefork", f"--concurrency={Orders.read().flight}", "--loglevel=ERROR"]
    )


def _work(job_id: str) -> None:
    asyncio.run(_once(job_id))


async def _once(job_id: str) -> None:
    body = Body(Orders.read())
    await body.run(job_id)
    await body.close()


def _watch() -> None:
    """Note CPU and time of the process and its children, from the first claim to the last end."""
    orders = Orders.read()
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(orders.mongodb_uri)
    jobs = client[orders.database][COLLECTION]
    while jobs.count_documents({"state": {"$ne": "queued"}}, limit=1) == 0:
        time.sleep(0.05)
    cpu, began, done = _family_cpu(), time.perf_counter(), 0
    while done < orders.jobs:
        time.sleep(0.1)
        done = jobs.count_documents({"state": DONE})
        write_json(
            orders.result,
            {"done": done, "cpu_s": _family_cpu() - cpu, "wall_s": time.perf_counter() - began},
        )


def _family_cpu() -> float:
    main_process = psutil.Process()
    family = [main_process, *main_process.children(recursive=True)]
    return sum(one.cpu_times().user + one.cpu_times().system for one in family)


if __name__ == "__main__":
    main(fill, serve)
