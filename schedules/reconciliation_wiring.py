"""Building the reconciliation from the settings."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

from config.settings import Settings
from domain.ports import Clock
from domain.reconciliation import Source, complaint
from doorbell.app import make_celery
from doorbell.ringer import CeleryRinger
from ledger.connection import Connection
from ledger.counterparts import Counterparts
from ledger.reconciliation import ReconciliationBook
from ledger.records import MongoRecords
from llm.http import make_client
from payments.reading import REQUEST_S, KeyRefused, StripeReader
from producer.wiring import build_intake
from schedules.reconciliation import Reconciliation
from schedules.taking import Taker

MAX_CONNECTIONS: Final = 2


def build_reconciliation(
    settings: Settings,
    connection: Connection,
    clock: Clock,
    stack: AsyncExitStack,
    *,
    rehearse: bool = False,
    request_s: float = REQUEST_S,
) -> Reconciliation:
    """Return the reconciliation; the stack closes what it opens. Raises KeyRefused without a key.

    `rehearse`: read everything, change nothing. `request_s` bounds each request to Stripe.
    """
    if settings.stripe_api_key is None:
        raise KeyRefused("STRIPE_API_KEY is not set: Stripe cannot be read")
    client = make_client(connect_timeout=settings.connect_s, max_connections=MAX_CONNECTIONS)
    stack.push_async_callback(client.aclose)
    ringer = CeleryRinger(
        make_celery(settings.redis_url.get_secret_value(), name="reconciliation-bell")
    )
    stack.push_async_callback(asyncio.to_thread, ringer.close)
    counterparts = Counterparts(connection)
    return Reconciliation(
        reader=StripeReader(
            client,
            base_url=settings.stripe_api_base,
            api_key=settings.stripe_api_key,
            clock=clock,
            request_s=request_s,
        ),
        taker=Taker(
            build_intake(settings, connection=connection, ringer=ringer, clock=clock),
            counterparts,
            MongoRecords(connection, clock),
            rehearse=rehearse,
        ),
        book=ReconciliationBook(connection, clock),
        unpaid=counterparts,
        clock=clock,
    )


async def stripe_complaint(connection: Connection, clock: Clock) -> str:
    """Say what of the reconciliation needs a human; "" when nothing. Raises Unavailable."""
    book = ReconciliationBook(connection, clock)
    standings = {source: await book.standing(source) for source in Source}
    return complaint(standings, await book.last_reconciliation(), clock.now())
