"""Building the web process from the settings. The only place here that knows the ledger."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from fastapi import FastAPI
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.clock import SystemClock
from config.loading import SettingsError
from config.settings import Settings
from domain.errors import Unavailable
from domain.job import Kind
from domain.ports import Clock, Ringer
from doorbell.app import make_celery
from doorbell.ringer import CeleryRinger
from ledger.connection import Connection, LedgerMisconfigured, connect
from ledger.feedback import Feedback
from ledger.health import HealthBook
from ledger.inbox import Inbox
from ledger.metrics import MongoFigures
from ledger.migrations import migrate
from ledger.orders import MongoOrders
from ledger.paid import PaidSessions
from producer.admin import WRONG_TOKENS, AdminDoor
from producer.app import Lifespan, Parts, create_app
from producer.breakers import BOUND_S, Breakers
from producer.feedback import OrderFeedback
from producer.gate import Gate
from producer.health import HealthDesk
from producer.intake import Intake
from producer.limiting import AddressLimit
from producer.metrics import BreakerWindow, Scrape
from producer.progress import Progress
from producer.status import READS, OrderStatus
from producer.webhook import BAD_SIGNATURES, StripeDoor, WebhookAnswers

RETRY_S: Final = 2.0
FIRST_TRY_S: Final = 8.0

log = structlog.get_logger(__name__)


def build(settings: Settings) -> FastAPI:
    """Raises SettingsError; MongoDB and Redis themselves may be down."""
    connection = _connect(settings)
    breakers = _breakers(settings)
    ringer = CeleryRinger(make_celery(settings.redis_url.get_secret_value(), name="web"))
    clock, gate = SystemClock(), Gate()
    return create_app(
        build_parts(
            settings,
            connection=connection,
            ringer=ringer,
            clock=clock,
            gate=gate,
            breakers=breakers,
            lifespan=_lifespan(connection, ringer, breakers, clock, gate),
        )
    )


def _connect(settings: Settings) -> Connection:
    try:
        return connect(settings.mongodb_uri, settings.mongodb_db, app_name="pferdewert-web")
    except LedgerMisconfigured as error:
        raise SettingsError(str(error)) from None


def _breakers(settings: Settings) -> Breakers:
    redis: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=BOUND_S,
        socket_connect_timeout=BOUND_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Breakers(redis, _models(settings))


def _models(settings: Settings) -> list[str]:
    """Return the configured models; the settings see to it that there is one."""
    listed = (settings.primary_model, settings.fallback_model, settings.tertiary_model)
    direct = {
        settings.emergency_anthropic_model: settings.anthropic_api_key,
        settings.emergency_openai_model: settings.openai_api_key,
    }
    found = [slug for slug, key in direct.items() if key]
    return [*listed, *found] if settings.use_openrouter else found


def build_parts(
    settings: Settings,
    *,
    connection: Connection,
    ringer: Ringer,
    clock: Clock,
    gate: Gate,
    breakers: BreakerWindow,
    lifespan: Lifespan | None = None,
) -> Parts:
    status = OrderStatus(
        sessions=PaidSessions(connection, clock),
        orders=MongoOrders(connection),
        clock=clock,
        gate=gate,
        reads=AddressLimit(READS),
    )
    answers, counts = WebhookAnswers(), MongoFigures(connection, clock)
    desk = HealthDesk(
        connection, HealthBook(connection), gate, clock, uses_openrouter=settings.use_openrouter
    )
    return Parts(
        door=StripeDoor(
            build_intake(settings, connection=connection, ringer=ringer, clock=clock),
            secrets=settings.stripe_webhook_secret,
            clock=clock,
            gate=gate,
            bad_signatures=AddressLimit(BAD_SIGNATURES),
            answers=answers,
        ),
        status=status,
        progress=Progress(status, clock=clock),
        feedback=OrderFeedback(status, Feedback(connection, clock)),
        health=desk,
        admin=AdminDoor(settings.admin_token, AddressLimit(WRONG_TOKENS)),
        counts=counts,
        scrape=Scrape(
            counts=counts,
            desk=desk,
            breakers=breakers,
            answers=answers,
            clock=clock,
            process=f"{socket.gethostname()}:{os.getpid()}",
        ),
        clock=clock,
        site_url=settings.site_url,
        lifespan=lifespan,
    )


def build_intake(
    settings: Settings, *, connection: Connection, ringer: Ringer, clock: Clock
) -> Intake:
    """Return the one intake, also for the reconciliation with Stripe and for replays."""
    return Intake(
        sessions=PaidSessions(connection, clock),
        inbox=Inbox(connection, clock),
        orders=MongoOrders(connection),
        ringer=ringer,
        expected_livemode=settings.livemode,
        prices={
            Kind.VALUATION: settings.valuation_prices,
            Kind.CERTIFICATE: settings.certificate_prices,
        },
    )


def _lifespan(
    connection: Connection, ringer: CeleryRinger, breakers: Breakers, clock: Clock, gate: Gate
) -> Lifespan:
    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        log.info("database_chosen", database=connection.name)
        with suppress(Unavailable):
            await connection.check_replica_set()
        preparing = asyncio.create_task(prepare(connection, clock, gate))
        # Serve only once the gate is open, unless MongoDB is away: then 503 is the honest answer.
        await asyncio.wait([preparing], timeout=FIRST_TRY_S)
        try:
            yield
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)
            await asyncio.to_thread(ringer.close)
            await breakers.close()
            connection.close()

    return life


async def prepare(connection: Connection, clock: Clock, gate: Gate) -> None:
    """Migrate, then open the gate; as long as it takes, since nobody restarts us by hand."""
    while True:
        try:
            await connection.check_replica_set()
            await migrate(connection)
        except Unavailable as error:
            log.warning("ledger_unavailable", error=str(error))
        except Exception as error:  # noqa: BLE001 - the gate stays shut and somebody reads this
            log.error("ledger_not_prepared", error=type(error).__name__, detail=str(error))  # noqa: TRY400 - the same line every two seconds
        else:
            gate.open()
            log.info("ledger_ready", database=connection.name)
            return
        await clock.sleep(RETRY_S)
