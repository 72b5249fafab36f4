"""Looking at what is left when the dust has settled."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from pymongo import AsyncMongoClient

from sandbox.chaos.customers import Customers, Sale
from sandbox.chaos.deaths import Outside
from sandbox.chaos.judging import RESULT_FIELD, Breach, Observed
from sandbox.chaos.outside import Providers, digest
from sandbox.chaos.watching import JOBS, ORDERS, LedgerWatch
from sandbox.chaos.windows import Window, statuses, webhooks_without_redis

Json = dict[str, Any]

CATCH_UP_S: Final = 20.0


async def caught_up(client: AsyncMongoClient[Json], database: str, ledger: LedgerWatch) -> None:
    """Wait until the stream has shown every job as MongoDB holds it."""
    for _ in range(round(CATCH_UP_S / 0.1)):
        found = {job["_id"]: job async for job in client[database][JOBS].find({}, {"state": 1})}
        known = {job_id: history.now.state for job_id, history in ledger.jobs.items()}
        if {job_id: job["state"] for job_id, job in found.items()} == known:
            return
        await asyncio.sleep(0.1)


def refused_without_redis(sales: Sequence[Sale], windows: Sequence[Window]) -> list[Breach]:
    """Say how webhooks were answered that met an outage of Redis and of nothing else."""
    wrong = [t for t in webhooks_without_redis(sales, windows) if t.status != HTTPStatus.OK]
    if not wrong:
        return []
    return [Breach("webhooks are answered 200 without Redis", "web", str(statuses(wrong)))]


def unwatched(seen: Observed) -> list[Breach]:
    """Say what our own eyes missed: a judgement without it would be worth less."""
    missed = seen.jobs.keys() - seen.job_histories.keys()
    return [Breach("every job was watched", job_id, "no write was seen") for job_id in missed]


async def observe(
    database: Any, customers: Customers, ledger: LedgerWatch, providers: Providers
) -> Observed:
    """Read what is left from MongoDB and the providers themselves."""
    jobs = {str(job["_id"]): job async for job in database[JOBS].find({}, {"answer": 0})}
    calls, mails = await providers.calls(), await providers.mails()
    orders: dict[str, Json] = {}
    results: dict[str, str] = {}
    for name, field_name in zip(ORDERS, RESULT_FIELD.values(), strict=True):
        async for order in database[name].find({}):
            orders[str(order["_id"])] = order
            if order.get(field_name):
                results[str(order["_id"])] = digest(order[field_name])
    mailed: dict[str, float] = {}
    for mail in mails:
        mailed.setdefault(str(mail["idempotency_key"]), mail["at"])
    by_job = {
        job_id: calls.get(sale.story.mark, [])
        for sale in customers.sales
        for job_id in sale.job_ids
    }
    return Observed(
        sales=customers.sales,
        jobs=jobs,
        orders=orders,
        results=results,
        good=providers.good,
        mails=mails,
        outside=Outside(by_job, mailed),
        job_histories=ledger.jobs,
        order_histories=ledger.orders,
    )
