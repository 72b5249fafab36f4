"""Building the worker process from the settings: the only place here that reads them."""

import asyncio
import functools
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpx
import structlog
from celery import Celery

from config.clock import SystemClock
from config.settings import MailProvider, Settings
from config.templates import load_templates
from domain.acceptance import certificate_schema
from domain.answer import Attempt, Prompt
from domain.errors import Unavailable
from domain.job import Job, Kind
from domain.order import Horse
from domain.ports import Clock, Mailer, Records
from domain.prompting import Template, render
from doorbell.app import make_celery
from doorbell.names import TaskName
from doorbell.ringer import CeleryRinger
from ledger.connection import Connection, LedgerMisconfigured, connect
from ledger.jobs import MongoJobs
from ledger.migrations import migrate
from ledger.orders import MongoOrders
from ledger.records import MongoRecords
from ledger.switches import Switches
from ledger.workers import MongoPresence
from llm.chain import FallbackChain
from llm.http import make_client
from mail.resend import ResendMailer
from mail.smtp import Server, SmtpMailer
from payments.sessions import StripeBuyers
from worker import tasks
from worker.decisions import Patience
from worker.endings import Endings
from worker.hands import Hands, Work
from worker.judging import judge_in
from worker.mails import OwedMails
from worker.pulse import Pulse
from worker.rescue import Rescue, SpareHands
from worker.runtime import Desk, OpenDesk, Runtime
from worker.story import Story
from worker.switches import DirectOnly
from worker.wiring_chain import build_chain

RETRY_SECONDS: Final = 2.0
SPARE_CONNECTIONS: Final = 10

log = structlog.get_logger(__name__)


def make_runtime(settings: Settings, *, owner: str) -> Runtime:
    """Return the process's job loop, not yet started. Raises LedgerMisconfigured, ValueError."""
    connection = connect(settings.mongodb_uri, settings.mongodb_db, app_name="pferdewert-worker")
    log.info("database_chosen", database=connection.name)
    return Runtime(
        desk_opener(settings, connection, owner=owner),
        grace_s=settings.worker_grace_seconds,
        # The warm end of Celery's worker; a supervisor starts the process anew.
        on_death=functools.partial(os.kill, os.getpid(), signal.SIGTERM),
    )


def make_app(settings: Settings, runtime: tasks.Works) -> Celery:
    app = make_celery(settings.redis_url.get_secret_value(), name="worker")
    tasks.register(app, runtime)
    return app


def desk_opener(settings: Settings, connection: Connection, *, owner: str) -> OpenDesk:
    """Return how the loop opens what jobs need, and closes it when it ends."""

    @asynccontextmanager
    async def open_desk(hands: Hands) -> AsyncIterator[Desk]:
        clock = SystemClock()
        async with AsyncExitStack() as stack:
            stack.callback(connection.close)
            await prepare(connection, clock)
            client = make_client(
                connect_timeout=settings.connect_s,
                max_connections=2 * settings.worker_concurrency + SPARE_CONNECTIONS,
            )
            stack.push_async_callback(client.aclose)
            ringer = CeleryRinger(
                make_celery(settings.redis_url.get_secret_value(), name="worker-bell")
            )
            stack.push_async_callback(asyncio.to_thread, ringer.close)
            wiring = _Wiring(settings, connection, client, ringer, clock, owner)
            yield await wiring.desk(hands, stack)

    return open_desk


async def prepare(connection: Connection, clock: Clock) -> None:
    """Return when MongoDB serves and its schema is ours, as long as it takes.

    Raises LedgerMisconfigured.
    """
    while True:
        try:
            await connection.check_replica_set()
            await migrate(connection)
        except Unavailable as error:
            log.warning("waiting_for_mongodb", database=connection.name, error=str(error))
        except LedgerMisconfigured:
            raise
        except Exception as error:  # noqa: BLE001 - nobody is there to start us again
            log.error("ledger_not_prepared", error=type(error).__name__, detail=str(error))  # noqa: TRY400 - the same line every two seconds
        else:
            log.info("ledger_ready", database=connection.name)
            return
        await clock.sleep(RETRY_SECONDS)


@dataclass(frozen=True, slots=True)
class _Wiring:
    """What everything in one process is built from."""

    settings: Settings
    connection: Connection
    client: httpx.AsyncClient
    ringer: CeleryRinger
    clock: Clock
    owner: str

    async def desk(self, hands: Hands, stack: AsyncExitStack) -> Desk:
        jobs = MongoJobs(self.connection, self.clock)
        presence = MongoPresence(self.connection)
        presence.speak_for(self.owner)
        pulse = Pulse(presence, owner=self.owner, hands=hands, clock=self.clock)
        direct_only = DirectOnly(self._is_direct_only, self.clock)
        await direct_only.look()
        chain, model_watch = build_chain(
            self.settings, self.client, self.clock, stack, direct_only=direct_only
        )
        records = MongoRecords(self.connection, self.clock)
        story = self._story(jobs, chain, self._wanted(records), stack)
        work = functools.partial(story.work, owner=self.owner)
        rescue = self._rescue(jobs, pulse, hands, work)
        background = [rescue.run, direct_only.run, records.keep_up]
        return Desk(
            work=work,
            background=[*background, model_watch.run] if model_watch else background,
            chores={TaskName.SWEEP: rescue.look},
            pulse=pulse,
            ringer=self.ringer,
        )

    def _rescue(self, jobs: MongoJobs, pulse: Pulse, hands: Hands, work: Work) -> Rescue:
        return Rescue(
            jobs=jobs,
            bell=self.ringer,
            pulse=pulse,
            hands=hands,
            spare=SpareHands(work, hands, capacity=self.settings.worker_concurrency),
            clock=self.clock,
            spread=lambda: random.uniform(0.8, 1.2),  # noqa: S311 - keeps workers out of step
        )

    async def _is_direct_only(self) -> bool:
        return (await Switches(self.connection).direct_only()).on

    def _story(
        self, jobs: MongoJobs, chain: FallbackChain, records: Records, stack: AsyncExitStack
    ) -> Story:
        patience = self._patience()
        mails = self._mails(jobs, records)
        templates = load_templates({Kind.CERTIFICATE: certificate_schema()})
        return Story(
            jobs=jobs,
            orders=MongoOrders(self.connection),
            records=records,
            chain=chain,
            prompts=functools.partial(_prompt, templates),
            judge=judge_in(stack),
            mails=mails,
            endings=Endings(
                jobs=jobs,
                records=records,
                ringer=self.ringer,
                clock=self.clock,
                patience=patience,
                excuse=mails.excuse,
            ),
            clock=self.clock,
            patience=patience,
        )

    def _mails(self, jobs: MongoJobs, records: Records) -> OwedMails:
        settings = self.settings
        minutes = settings.delay_mail_after_minutes
        return OwedMails(
            jobs=jobs,
            orders=MongoOrders(self.connection),
            buyers=StripeBuyers(
                self.client, base_url=settings.stripe_api_base, api_key=settings.stripe_api_key
            ),
            records=records,
            clock=self.clock,
            mailer=make_mailer(settings, self.client),
            admins=settings.admin_emails,
            site_url=settings.site_url,
            excuse_after=timedelta(minutes=minutes) if minutes else None,
        )

    def _wanted(self, records: MongoRecords) -> Records:
        return records if self.settings.enable_performance_tracking else ErrorsOnly(records)

    def _patience(self) -> Patience:
        return Patience(
            job_s=self.settings.job_budget_s,
            give_up=timedelta(hours=self.settings.give_up_after_hours),
            chain_waits=self.settings.wait_schedule_seconds,
        )


@dataclass(frozen=True, slots=True)
class ErrorsOnly:
    """Records for a shop that does not want `ai_requests` written."""

    records: Records

    async def attempt(self, job: Job, horse: Horse, attempt: Attempt) -> None:
        """Leave it out: ENABLE_PERFORMANCE_TRACKING is false."""

    async def error(
        self,
        *,
        job: Job | None,
        error_type: str,
        code: str,
        message: str,
        model: str | None = None,
        stack: str | None = None,
    ) -> None:
        await self.records.error(
            job=job, error_type=error_type, code=code, message=message, model=model, stack=stack
        )


def make_mailer(settings: Settings, client: httpx.AsyncClient) -> Mailer | None:
    """Return what MAIL_PROVIDER names; None when the shop sends no mails."""
    sender = settings.mail_from or ""
    if settings.mail_provider is MailProvider.RESEND and settings.resend_api_key:
        key, base_url = settings.resend_api_key, settings.resend_base_url
        return ResendMailer(client, base_url=base_url, api_key=key, sender=sender)
    if settings.mail_provider is MailProvider.SMTP and settings.smtp_url:
        return SmtpMailer(Server.from_url(settings.smtp_url), sender=sender)
    return None


def _prompt(templates: dict[Kind, Template], kind: Kind, horse: Horse, job_id: str) -> Prompt:
    return render(templates[kind], horse, job_id=job_id)
