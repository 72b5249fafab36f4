"""Health over HTTP: that this process serves, that it can work, and what the checks found."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from domain.answer import Tier
from domain.errors import Unavailable
from domain.health import (
    ComponentState,
    HealthReport,
    Sort,
    Status,
    Watched,
    as_of,
    fallback_available,
    overall,
)
from domain.ports import Clock
from producer.admin import AdminDoor, Credentials
from producer.gate import Gate
from producer.ports import HealthBook, Server
from producer.status import Problem

READY_SECONDS: Final = 2.0
_MONGODB: Final = Watched(name="mongodb", sort=Sort.SERVICE)
_ADMIN_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem} for status in (401, 404, 429)
}

_OPEN_TO_ALL: Final[list[dict[str, list[str]]]] = [{}, {"HTTPBearer": []}]
"""Without a token as well; a token that is given must be right."""


class Health(BaseModel):
    status: str = "ok"


class Readiness(BaseModel):
    """`missing` names what this process waits for: `mongodb`, `migrations`."""

    status: str
    missing: list[str] = []


class ComponentView(BaseModel):
    """One component. Everything but name and status is for the holder of ADMIN_TOKEN."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    status: Status
    tier: Tier | None = None
    model: str | None = None
    detail: str | None = None
    since: datetime | None = None
    checked_at: datetime | None = None
    seen_at: datetime | None = None
    latency_ms: int | None = None
    error_rate: float | None = None


class DetailedHealth(BaseModel):
    """The shop as the checks of the last minutes found it."""

    status: Status
    checked_at: datetime | None = None
    components: list[ComponentView]


class ModelHealth(BaseModel):
    tier: Tier
    status: Status


class OpenRouterHealth(BaseModel):
    """`fallback_available`: something behind the primary is configured and not known as down."""

    status: Status
    fallback_available: bool
    checked_at: datetime | None
    models: list[ModelHealth]


@dataclass(frozen=True, slots=True)
class HealthDesk:
    """Reads what the checks wrote down, and asks MongoDB itself whether it is there.

    `uses_openrouter`: what the settings say, also while nothing has been written down yet.
    """

    server: Server
    book: HealthBook
    gate: Gate
    clock: Clock
    uses_openrouter: bool = True

    async def readiness(self) -> Readiness:
        missing = []
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.server.ping()
        except (Unavailable, TimeoutError):
            missing.append("mongodb")
        try:
            self.gate.check()
        except Unavailable:
            missing.append("migrations")
        return Readiness(status="not_ready" if missing else "ready", missing=missing)

    async def report(self) -> HealthReport:
        """Return the newest report; without MongoDB that MongoDB is down is all one knows."""
        now = self.clock.now()
        try:
            states = await self.book.recall()
        except Unavailable:
            return _without_mongodb(now)
        return as_of([states[name] for name in sorted(states)], now)


def health_routes(desk: HealthDesk, door: AdminDoor) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.head("/health", include_in_schema=False)
    @router.get("/health")
    async def health() -> Health:
        """Say that this process serves."""
        return Health()

    @router.get("/health/ready", response_model=Readiness, responses={503: {"model": Readiness}})
    async def ready() -> JSONResponse:
        """Say whether this process can take orders, and what is missing."""
        readiness = await desk.readiness()
        return JSONResponse(readiness.model_dump(), 503 if readiness.missing else 200)

    @router.get(
        "/health/detailed",
        response_model_exclude_none=True,
        responses=_ADMIN_REFUSALS,
        openapi_extra={"security": _OPEN_TO_ALL},
    )
    async def detailed(request: Request, credentials: Credentials) -> DetailedHealth:
        """Show every component's state; with ADMIN_TOKEN also what lies behind it."""
        is_admin = await door.recognise(request, credentials)
        report = await desk.report()
        show = _all_of if is_admin else _name_and_status
        return DetailedHealth(
            status=report.status,
            checked_at=report.checked_at,
            components=[show(state) for state in report.components],
        )

    @router.get("/health/openrouter")
    async def openrouter() -> OpenRouterHealth:
        """Say how the models behind OpenRouter are, and whether there is a way around them."""
        return openrouter_health(await desk.report(), enabled=desk.uses_openrouter)

    return router


def openrouter_health(report: HealthReport, *, enabled: bool) -> OpenRouterHealth:
    models = [state for state in report.components if state.watched.sort is Sort.MODEL]
    known = overall(models) if models else Status.UNKNOWN
    return OpenRouterHealth(
        status=known if enabled else Status.DISABLED,
        fallback_available=fallback_available(report.components),
        checked_at=report.checked_at,
        models=_by_tier(models),
    )


def _by_tier(models: Sequence[ComponentState]) -> list[ModelHealth]:
    order = {tier: place for place, tier in enumerate(Tier)}
    tiered = [ModelHealth(tier=m.watched.tier, status=m.status) for m in models if m.watched.tier]
    return sorted(tiered, key=lambda model: order[model.tier])


def _without_mongodb(now: datetime) -> HealthReport:
    down = ComponentState(
        watched=_MONGODB,
        status=Status.UNHEALTHY,
        detail="no answer",
        since=now,
        checked_at=now,
    )
    return HealthReport(status=overall([down]), checked_at=None, components=(down,))


def _name_and_status(state: ComponentState) -> ComponentView:
    return ComponentView(name=state.name, status=state.status)


def _all_of(state: ComponentState) -> ComponentView:
    return ComponentView(
        name=state.name,
        status=state.status,
        tier=state.watched.tier,
        model=state.watched.model,
        detail=state.detail,
        since=state.since,
        checked_at=state.checked_at,
        seen_at=state.seen_at,
        latency_ms=state.latency_ms,
        error_rate=state.error_rate,
    )
