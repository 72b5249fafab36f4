"""What MongoDB is asked to count for a day of `ai_requests`."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from domain.answer import AttemptOutcome, Tier
from domain.job import State
from ledger.names import JOBS

_LATENCY: Final = "$response_data.response_time_ms"
_USAGE: Final = "$response_data.token_usage"

COUNT_RESPONSE_TIMES: Final[list[dict[str, Any]]] = [
    {"$group": {"_id": _LATENCY, "count": {"$sum": 1}}},
    {"$sort": {"_id": 1}},
]
"""Equal response times become one document each: they are whole milliseconds, so there are never
more than the longest took, while an array of all outgrows MongoDB's documents."""


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def between(first: date, last: date) -> dict[str, datetime]:
    return {"$gte": midnight(first), "$lt": midnight(last + timedelta(days=1))}


def of_day(day: date) -> dict[str, Any]:
    return {"timestamp": between(day, day)}


def _count(condition: dict[str, Any]) -> dict[str, Any]:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _failed_by(outcome: AttemptOutcome) -> dict[str, Any]:
    return _count({"$eq": ["$error_details.outcome", outcome.value]})


DAY: Final = {"$dateTrunc": {"date": "$timestamp", "unit": "day"}}

FAILURES: Final = {
    "timeout_errors": _failed_by(AttemptOutcome.TIMEOUT),
    "rate_limit_errors": _failed_by(AttemptOutcome.RATE_LIMIT),
    "api_errors": _failed_by(AttemptOutcome.API_ERROR),
}

FACTS: Final[dict[str, Any]] = {
    "_id": "$model_used",
    # What is written after this moment is news to the next aggregation.
    "began": {"$max": "$$NOW"},
    "total_requests": {"$sum": 1},
    "successful_requests": _count({"$eq": ["$success", True]}),
    "unaccepted": _failed_by(AttemptOutcome.UNACCEPTED),
    "fallbacks": _count({"$ne": ["$model_tier", Tier.PRIMARY.value]}),
    "avg_response_time_ms": {"$avg": _LATENCY},
    "total_tokens_used": {"$sum": f"{_USAGE}.total_tokens"},
    "reasoning_tokens": {"$sum": f"{_USAGE}.reasoning_tokens"},
    "cached_tokens": {"$sum": f"{_USAGE}.cached_tokens"},
    "total_cost_usd": {"$sum": f"{_USAGE}.cost_usd"},
    "avg_user_rating": {"$avg": "$user_feedback.rating"},
    **FAILURES,
}


def income_stages(day: date) -> list[dict[str, Any]]:
    """Join each accepted request with its job, and keep the pairs where the job kept its answer.

    A job may have a second accepted request, when a worker died between call and journal.
    """
    request = {
        "model": "$model_used",
        "job_id": 1,
        "generation": {"$ifNull": ["$generation_id", None]},
        "latency": _LATENCY,
    }
    job = {
        "currency": "$payment.currency",
        "minor": {"$subtract": [_or_zero("$payment.amount_total"), _or_zero("$money.refunded")]},
        "generation": {"$ifNull": ["$answer.generation_id", None]},
        "latency": "$answer.latency_ms",
    }
    delivered = [{"$match": {"state": State.DELIVERED.value}}, {"$project": job}]
    lookup = {
        "from": JOBS,
        "localField": "job_id",
        "foreignField": "_id",
        "pipeline": delivered,
        "as": "job",
    }
    same = [{"$eq": [f"${key}", f"$job.{key}"]} for key in ("generation", "latency")]
    group = {
        "_id": {"model": "$model", "currency": "$job.currency"},
        "orders": {"$sum": 1},
        "minor": {"$sum": "$job.minor"},
    }
    return [
        {"$match": of_day(day) | {"success": True}},
        {"$project": request},
        {"$lookup": lookup},
        {"$unwind": "$job"},
        {"$match": {"$expr": {"$and": same}}},
        {"$group": group},
    ]


def _or_zero(field: str) -> dict[str, Any]:
    return {"$ifNull": [field, 0]}
