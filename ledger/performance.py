"""How each model did on each day, from the attempts on record: `model_performance`."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from ledger.connection import Connection, Document
from ledger.documents import read_order
from ledger.histogram import Histogram
from ledger.names import AI_REQUESTS, MODEL_PERFORMANCE
from ledger.performance_stages import (
    COUNT_RESPONSE_TIMES,
    DAY,
    FACTS,
    FAILURES,
    between,
    income_stages,
    midnight,
    of_day,
)

PERCENTILES: Final = (50, 95, 99)
LIMIT_S: Final = 900.0
"""Longest time for one day; one of a million attempts took 85 s on two cores."""

# Ratings carry the time of whoever wrote them, aggregates that of MongoDB.
_CLOCKS_DIFFER_BY: Final = timedelta(minutes=5)
_MINOR_UNITS: Final = 100


@dataclass(frozen=True, slots=True)
class ModelDay:
    """One model on one day. `kept`: an aggregate of more requests was there and stays."""

    model_id: str
    total_requests: int
    successful_requests: int
    total_cost_usd: float
    kept: bool


@dataclass(frozen=True, slots=True)
class DaySummary:
    """What was aggregated for one UTC day."""

    day: date
    models: tuple[ModelDay, ...]

    @property
    def total_requests(self) -> int:
        return sum(model.total_requests for model in self.models)


@dataclass(frozen=True, slots=True)
class Income:
    """What delivered orders brought by currency, in its main unit, refunds taken off."""

    orders: int
    revenue: dict[str, float]


_NOTHING: Final = Income(0, {})


class MongoPerformance:
    """Aggregates `ai_requests` by `model_used` and UTC day. Every verb raises Unavailable.

    Memory, here and on the server, grows with the distinct response times of a model's day, not
    with its requests. Requests may be deleted later: an aggregate is never replaced by one of
    fewer requests.
    """

    def __init__(self, connection: Connection, *, limit_s: float = LIMIT_S) -> None:
        self._connection = connection
        self._limit_s = limit_s
        self._requests = connection.collection(AI_REQUESTS)
        self._performance = connection.collection(MODEL_PERFORMANCE)

    async def stale_days(self, first: date, last: date) -> list[date]:
        """Return the days in between, both included, on which there is news, oldest first.

        News are requests that no aggregate counts yet, and ratings younger than the aggregate.
        """
        async with self._connection.answering(limit_s=self._limit_s):
            counted = await self._aggregates(first, last)
            stale = {day for day, _ in await self._uncounted(first, last, counted)}
            if counted:
                since = min(found["updated_at"] for found in counted.values()) - _CLOCKS_DIFFER_BY
                stale |= await self._rated_later(first, last, since, counted)
        return sorted(stale)

    async def aggregate_day(self, day: date) -> DaySummary:
        """Write one document per model; doing it again changes nothing but `updated_at`."""
        async with self._connection.answering(limit_s=self._limit_s):
            incomes = await self._incomes(day)
            cursor = self._requests.aggregate(
                [{"$match": of_day(day)}, {"$group": FACTS}, {"$sort": {"_id": 1}}]
            )
            models = [
                await self._store(day, read_order(facts), incomes.get(facts["_id"], _NOTHING))
                async for facts in cursor
            ]
        return DaySummary(day, tuple(models))

    async def _store(self, day: date, facts: Document, income: Income) -> ModelDay:
        times = await self._response_times(day, facts["_id"])
        key = {"model_id": facts["_id"], "date": midnight(day)}
        no_more = {"metrics.total_requests": {"$not": {"$gt": facts["total_requests"]}}}
        fields = {
            "metrics": metrics(facts, times, income),
            "error_breakdown": error_breakdown(facts),
            "updated_at": facts["began"],
        }
        try:
            await self._performance.update_one(key | no_more, {"$set": fields}, upsert=True)
        except DuplicateKeyError:
            return _model_day(facts, kept=True)
        return _model_day(facts, kept=False)

    async def _response_times(self, day: date, model: str) -> Histogram:
        known = {"model_used": model, "response_data.response_time_ms": {"$gte": 0}}
        cursor = self._requests.aggregate(
            [{"$match": known | of_day(day)}, *COUNT_RESPONSE_TIMES], allowDiskUse=True
        )
        times = Histogram()
        async for found in cursor:
            times.add(read_order(found)["_id"], found["count"])
        return times

    async def _incomes(self, day: date) -> dict[str, Income]:
        """Return by model what the orders brought whose result came from a request of that day."""
        grouped: defaultdict[str, list[Document]] = defaultdict(list)
        async for found in self._requests.aggregate(income_stages(day)):
            grouped[found["_id"]["model"]].append(found)
        return {model: _income(found) for model, found in grouped.items()}

    async def _aggregates(self, first: date, last: date) -> dict[tuple[date, str], Document]:
        fields = {"model_id": 1, "date": 1, "metrics.total_requests": 1, "updated_at": 1}
        range_ = {"date": {"$gte": midnight(first), "$lte": midnight(last)}}
        return {
            (found["date"].date(), found["model_id"]): found
            async for found in self._performance.find(range_, fields)
        }

    async def _uncounted(
        self, first: date, last: date, counted: dict[tuple[date, str], Document]
    ) -> list[tuple[date, str]]:
        day_and_model = {"day": DAY, "model": "$model_used"}
        cursor = self._requests.aggregate(
            [
                {"$match": {"timestamp": between(first, last)}},
                {"$group": {"_id": day_and_model, "count": {"$sum": 1}}},
            ]
        )
        found = {
            (group["_id"]["day"].date(), group["_id"]["model"]): group["count"]
            async for group in cursor
        }
        return [key for key, count in found.items() if count > _total(counted.get(key))]

    async def _rated_later(
        self,
        first: date,
        last: date,
        since: datetime,
        counted: dict[tuple[date, str], Document],
    ) -> set[date]:
        ratings = {
            "user_feedback.timestamp": {"$gt": since},
            "timestamp": between(first, last),
        }
        day_and_model = {"day": DAY, "model": "$model_used"}
        newest = {"_id": day_and_model, "newest": {"$max": "$user_feedback.timestamp"}}
        later = set()
        async for found in self._requests.aggregate([{"$match": ratings}, {"$group": newest}]):
            day = found["_id"]["day"].date()
            aggregate = counted.get((day, found["_id"]["model"]))
            if aggregate and found["newest"] > aggregate["updated_at"] - _CLOCKS_DIFFER_BY:
                later.add(day)
        return later


def metrics(facts: Document, times: Histogram, income: Income) -> dict[str, Any]:
    """Return the owner's `metrics` and ours.

    Response times count every request that has one, failed ones too. `acceptance_rate` is the
    share of accepted answers among the answers that came; `fallback_frequency` the share of
    requests that were not of tier primary. `margin` takes the dollars of the cost at par with
    the currencies of `revenue`: the cost is well below a hundredth of it.
    """
    successful, total = facts["successful_requests"], facts["total_requests"]
    percentiles = {f"p{p}_response_time_ms": times.percentile(p) for p in PERCENTILES}
    return percentiles | {
        "total_requests": total,
        "successful_requests": successful,
        "failed_requests": total - successful,
        "avg_response_time_ms": facts["avg_response_time_ms"],
        "total_tokens_used": facts["total_tokens_used"],
        "reasoning_tokens": facts["reasoning_tokens"],
        "cached_tokens": facts["cached_tokens"],
        "total_cost_usd": facts["total_cost_usd"],
        "avg_user_rating": facts["avg_user_rating"],
        "acceptance_rate": _share(successful, successful + facts["unaccepted"]),
        "fallback_frequency": _share(facts["fallbacks"], total),
        "delivered_orders": income.orders,
        "revenue": income.revenue,
        "margin": sum(income.revenue.values()) - facts["total_cost_usd"],
    }


def error_breakdown(facts: Document) -> dict[str, int]:
    """Return how the failed requests failed; answers that were not accepted are `other_errors`."""
    known = {name: facts[name] for name in FAILURES}
    failed = facts["total_requests"] - facts["successful_requests"]
    return known | {"other_errors": failed - sum(known.values())}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _total(aggregate: Document | None) -> int:
    return int(aggregate["metrics"]["total_requests"]) if aggregate else 0


def _model_day(facts: Document, *, kept: bool) -> ModelDay:
    return ModelDay(
        model_id=facts["_id"],
        total_requests=facts["total_requests"],
        successful_requests=facts["successful_requests"],
        total_cost_usd=facts["total_cost_usd"],
        kept=kept,
    )


def _income(found: Iterable[Document]) -> Income:
    groups = list(found)
    revenue = {
        group["_id"]["currency"]: group["minor"] / _MINOR_UNITS
        for group in sorted(groups, key=lambda group: str(group["_id"]["currency"]))
        if group["_id"].get("currency")
    }
    return Income(sum(group["orders"] for group in groups), revenue)
