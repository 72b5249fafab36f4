"""The shop's own pages, as JSON, for the holder of ADMIN_TOKEN."""

import hmac
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, SecretStr
from starlette.exceptions import HTTPException

from domain.figures import JobLine, Performance
from domain.job import State
from domain.ports import Clock
from producer.limiting import AddressLimit
from producer.ports import Counts
from producer.status import Problem, TooManyReads

WRONG_TOKENS: Final = "30 per 1 minute"
MOST_DAYS: Final = 366
MOST_JOBS: Final = 200
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem} for status in (401, 404, 429, 503)
}

_BEARER: Final = HTTPBearer(auto_error=False, description="ADMIN_TOKEN")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


class AdminDoor:
    """Lets the holder of the token in. Without a configured token there is no door."""

    def __init__(self, token: SecretStr | None, wrong_tokens: AddressLimit) -> None:
        self._token = token
        self._wrong_tokens = wrong_tokens

    async def enter(self, request: Request, credentials: Credentials) -> None:
        """Raises HTTPException 404 without a configured token, 401, and TooManyReads."""
        if self._token is None:
            raise HTTPException(404)
        if credentials is not None and _is_same(credentials.credentials, self._token):
            return
        if not await self._wrong_tokens.allows(request):
            raise TooManyReads(self._wrong_tokens.window_s)
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})

    async def recognise(self, request: Request, credentials: Credentials) -> bool:
        """Say whether to show what is not public; a token that is given must be right."""
        if "authorization" not in request.headers:
            return False
        await self.enter(request, credentials)
        return True


class Day(BaseModel):
    """One day of one model (UTC); `metrics` and `error_breakdown` as in `model_performance`."""

    date: str
    metrics: dict[str, Any]
    error_breakdown: dict[str, int]
    updated_at: datetime | None


class ModelPerformance(BaseModel):
    """One model over the days asked for; averages are weighted by requests. Costs in USD."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str
    total_requests: int
    successful_requests: int
    success_rate: float | None
    avg_response_time_ms: float | None
    avg_user_rating: float | None
    total_cost_usd: float
    cost_per_request_usd: float | None
    daily: list[Day]


class PerformanceReport(BaseModel):
    days: int
    models: list[ModelPerformance]


class JobList(BaseModel):
    """Newest first."""

    jobs: list[JobLine]


def admin_routes(door: AdminDoor, counts: Counts, clock: Clock) -> APIRouter:
    router = APIRouter(
        prefix="/admin", tags=["admin"], dependencies=[Depends(door.enter)], responses=REFUSALS
    )

    @router.get("/model-performance")
    async def model_performance(
        days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 7,
    ) -> PerformanceReport:
        """Show each model over the last days, as aggregated every night."""
        return performance_report(await counts.performance(_first_day(clock.now(), days)), days)

    @router.get("/jobs")
    async def jobs(
        state: State | None = None, limit: Annotated[int, Query(ge=1, le=MOST_JOBS)] = 50
    ) -> JobList:
        """List the newest jobs, of one state or of all."""
        return JobList(jobs=list(await counts.jobs(state, limit)))

    return router


def performance_report(found: Sequence[Performance], days: int) -> PerformanceReport:
    """Add up the days of each model."""
    by_model: defaultdict[str, list[Performance]] = defaultdict(list)
    for day in found:
        by_model[day.model_id].append(day)
    models = [_summed(model_id, daily) for model_id, daily in sorted(by_model.items())]
    return PerformanceReport(days=days, models=models)


def _summed(model_id: str, daily: Sequence[Performance]) -> ModelPerformance:
    total, good = _sum(daily, "total_requests"), _sum(daily, "successful_requests")
    cost = _sum(daily, "total_cost_usd")
    return ModelPerformance(
        model_id=model_id,
        total_requests=int(total),
        successful_requests=int(good),
        success_rate=_ratio(good, total),
        avg_response_time_ms=_weighted(daily, "avg_response_time_ms"),
        avg_user_rating=_weighted(daily, "avg_user_rating"),
        total_cost_usd=cost,
        cost_per_request_usd=_ratio(cost, total),
        daily=[
            Day(**day.model_dump(exclude={"model_id", "date"}), date=day.date.isoformat())
            for day in daily
        ],
    )


def _sum(daily: Sequence[Performance], metric: str) -> float:
    return sum(day.metrics.get(metric) or 0 for day in daily)


def _weighted(daily: Sequence[Performance], metric: str) -> float | None:
    known = [day for day in daily if day.metrics.get(metric) is not None]
    return _ratio(sum(d.metrics[metric] * _requests(d) for d in known), sum(map(_requests, known)))


def _requests(day: Performance) -> int:
    return int(day.metrics.get("total_requests") or 0)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _first_day(now: datetime, days: int) -> datetime:
    """Return the midnight from which the last `days` complete days run."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days)


def _is_same(given: str, token: SecretStr) -> bool:
    return hmac.compare_digest(given.encode(), token.get_secret_value().encode())
