"""Building the health check from the settings: what there is to look at, and how to ask it."""

import functools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpx
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.settings import Settings
from domain.answer import Tier
from domain.health import Sort, Thresholds, Watched
from domain.ports import Clock
from ledger.connection import Connection
from ledger.health import HealthBook
from ledger.leases import ChoreAge, Leases
from ledger.switches import Switches
from ledger.workers import MongoPresence
from llm.accounts import anthropic_models, openai_models
from llm.catalogue import ModelSpec
from llm.completion import Caller
from llm.http import make_client
from llm.probe import probe
from schedules.alerts import Alerts, Webhook
from schedules.health import Ask, Component, HealthParts, ask_seconds
from schedules.reconciliation_wiring import stripe_complaint
from worker.wiring_chain import known_models, listed_stages, make_openrouter

REDIS_SECONDS: Final = 2.0
MAX_CONNECTIONS: Final = 20
LISTING_AFTER: Final = timedelta(minutes=15)
OVERDUE_PERIODS: Final = 2
OVERDUE_SPARE_S: Final = 300.0
SLOW_SHARE: Final = 0.8
"""Of the time an attempt may take: answers that come later are close to being none."""


@dataclass(frozen=True, slots=True)
class _Direct:
    """A provider asked directly. Listing its models costs nothing and shows a bad key as well."""

    name: str
    model: str
    key: SecretStr | None
    base_url: str


def build_health(
    settings: Settings, connection: Connection, clock: Clock, stack: AsyncExitStack
) -> HealthParts:
    """Return the parts of the check; the stack closes what they open."""
    client = make_client(connect_timeout=settings.connect_s, max_connections=MAX_CONNECTIONS)
    stack.push_async_callback(client.aclose)
    book, thresholds = HealthBook(connection), thresholds_of(settings)

    async def direct_only() -> bool:
        return (await Switches(connection).direct_only()).on

    return HealthParts(
        book=book,
        components=[
            *_models(settings, client, clock, thresholds),
            *_direct_providers(settings, client),
            *_services(settings, connection, clock, stack),
        ],
        alerts=make_alerts(settings, book, client, clock),
        thresholds=thresholds,
        clock=clock,
        direct_only=direct_only,
    )


def make_alerts(
    settings: Settings, book: HealthBook, client: httpx.AsyncClient, clock: Clock
) -> Alerts:
    webhook = Webhook(client, settings.alert_webhook_url, clock)
    return Alerts(book, webhook, shop=f"pferdewert {settings.environment}")


def thresholds_of(settings: Settings) -> Thresholds:
    return Thresholds(
        max_latency_ms=settings.health_max_latency_ms,
        max_answer_ms=round(settings.openrouter_timeout * 1000 * SLOW_SHARE),
        max_error_rate=settings.health_max_error_rate,
        failures_in_a_row=settings.health_failures_in_a_row,
    )


def _models(
    settings: Settings, client: httpx.AsyncClient, clock: Clock, thresholds: Thresholds
) -> Iterator[Component]:
    idle, deadline_s = timedelta(hours=settings.health_ping_after_hours), ask_seconds(thresholds)
    openrouter = make_openrouter(settings, client, clock)
    if openrouter is None:
        for tier in (Tier.PRIMARY, Tier.SECONDARY, Tier.TERTIARY):
            watched = Watched(name=f"model:{tier}", sort=Sort.MODEL, tier=tier, enabled=False)
            yield Component(watched, _nothing, idle, costs=True)
        return
    catalogue = known_models()
    for stage in listed_stages(settings, openrouter):
        name, spec = f"model:{stage.tier}", catalogue.spec_for(stage.slug, stage.tier)
        watched = Watched(name=name, sort=Sort.MODEL, tier=stage.tier, model=stage.slug)
        ask = functools.partial(_probe, stage.caller, spec, deadline_s)
        yield Component(watched, ask, idle, costs=True)


def _direct_providers(settings: Settings, client: httpx.AsyncClient) -> Iterator[Component]:
    anthropic = _Direct(
        name="anthropic",
        model=settings.emergency_anthropic_model,
        key=settings.anthropic_api_key,
        base_url=settings.anthropic_base_url,
    )
    openai = _Direct(
        name="openai",
        model=settings.emergency_openai_model,
        key=settings.openai_api_key,
        base_url=settings.openai_base_url,
    )
    for provider, list_models in ((anthropic, anthropic_models), (openai, openai_models)):
        watched = Watched(
            name=f"direct:{provider.name}",
            sort=Sort.DIRECT,
            tier=Tier.EMERGENCY,
            model=provider.model,
            enabled=provider.key is not None,
        )
        ask: Ask = _nothing
        if provider.key is not None:
            listing = functools.partial(
                list_models, client, base_url=provider.base_url, api_key=provider.key
            )
            ask = functools.partial(_list, listing)
        yield Component(watched, ask, LISTING_AFTER)


def _services(
    settings: Settings, connection: Connection, clock: Clock, stack: AsyncExitStack
) -> Iterator[Component]:
    redis: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    stack.push_async_callback(redis.aclose)

    async def mongodb() -> str:
        await connection.ping()
        return ""

    async def ping() -> str:
        await redis.ping()
        return ""

    async def chores() -> str:
        return overdue(await Leases(connection, clock, holder="").ages())

    async def workers() -> str:
        return "" if await MongoPresence(connection).live() else "no worker is alive"

    async def stripe() -> str:
        if not settings.can_read_stripe:
            return "STRIPE_API_KEY is of the other mode than STRIPE_LIVEMODE"
        return await stripe_complaint(connection, clock)

    asks: dict[str, Ask] = {"mongodb": mongodb, "redis": ping, "beat": chores, "workers": workers}
    for name, ask in asks.items():
        yield Component(Watched(name=name, sort=Sort.SERVICE), ask)
    has_key = settings.stripe_api_key is not None
    yield Component(Watched(name="stripe", sort=Sort.SERVICE, enabled=has_key), stripe)


def overdue(chores: Sequence[ChoreAge]) -> str:
    """Name the chores whose last success is too long ago, or that only ever failed."""
    late = [chore.name for chore in chores if _is_overdue(chore)]
    return f"overdue: {', '.join(late)}" if late else ""


def _is_overdue(chore: ChoreAge) -> bool:
    if chore.age_s is None:
        return chore.last_error is not None
    return chore.age_s > OVERDUE_PERIODS * chore.period_s + OVERDUE_SPARE_S


async def _probe(caller: Caller, spec: ModelSpec, deadline_s: float) -> str:
    """Any text is well: it is our reading of it that customers' answers are held to."""
    await probe(caller, spec, deadline_s=deadline_s)
    return ""


async def _list(list_models: Callable[[], Awaitable[list[str]]]) -> str:
    """Any list is well; an alias such as the configured name need not be on it."""
    await list_models()
    return ""


async def _nothing() -> str:
    """Ask nobody: what is not configured is not asked."""
    return ""
