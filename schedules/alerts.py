"""Telling people once that something broke, got worse, or is well again."""

import asyncio
from typing import Final, Protocol

import httpx
import structlog
from pydantic import SecretStr

from domain.duties import is_broken_promise
from domain.health import ComponentState, HealthReport, News, Status, news_of
from domain.job import Job
from domain.ports import Clock

PAUSES_S: Final = (1.0, 5.0)
SEND_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)


class ToldBook(Protocol):
    async def mark_told(self, name: str, *, before: Status | None, after: Status | None) -> bool:
        """Take the duty to tell of a change; False when another process has it.

        Raises Unavailable.
        """
        ...


class Messenger(Protocol):
    async def post(self, text: str) -> None: ...


class Alerts:
    """A log line for every change in health, and a message for who wants one.

    `shop` names the installation in messages.
    """

    def __init__(self, book: ToldBook, messenger: Messenger, *, shop: str) -> None:
        self._book = book
        self._messenger = messenger
        self._shop = shop

    async def tell(self, report: HealthReport) -> None:
        """Tell what is news in a report. Raises Unavailable."""
        for state in report.components:
            news, after = news_of(state.alerted, state.status)
            if news is None:
                continue
            if await self._book.mark_told(state.name, before=state.alerted, after=after):
                await self.say(news, state, overall=report.status)

    async def say(self, news: News, state: ComponentState, *, overall: Status) -> None:
        facts = {
            "component": state.name,
            "status": state.status.value,
            "detail": state.detail,
            "overall": overall.value,
        }
        if news is News.RAISED:
            log.error("alert_raised", **facts)
        else:
            log.info("alert_cleared", **facts)
        await self._messenger.post(self._text(news, state, overall))

    async def parked(self, job: Job) -> None:
        """Tell of one parked order, with the command that tries it again."""
        code = job.reason.code.value if job.reason else "unknown"
        retry = f"pferdewert orders retry {job.session_id}"
        log.error("order_parked", job_id=job.id, code=code, command=retry)
        field = f", field {job.reason.field}" if job.reason and job.reason.field else ""
        proposal = " A refund is proposed." if is_broken_promise(job.reason) else ""
        await self._messenger.post(
            f"{self._shop}: {job.id} is paid and parked ({code}{field}).{proposal} "
            f"Try again: {retry}"
        )

    def _text(self, news: News, state: ComponentState, overall: Status) -> str:
        why = f" ({state.detail})" if state.detail else ""
        again = " again" if news is News.CLEARED and state.status is Status.HEALTHY else ""
        return f"{self._shop}: {state.name} is {state.status}{again}{why}. Overall: {overall}."


class Webhook:
    """Posts `{"text": …}`, as Slack and those like it take it. Its address is a secret."""

    def __init__(self, client: httpx.AsyncClient, url: SecretStr | None, clock: Clock) -> None:
        self._client = client
        self._url = url
        self._clock = clock

    async def post(self, text: str) -> None:
        """Try three times; never raises. Without an address the log line has to do."""
        if self._url is None:
            return
        fault = ""
        for pause_s in (*PAUSES_S, None):
            fault = await self._try(self._url.get_secret_value(), text)
            if not fault:
                return
            if pause_s is not None:
                await self._clock.sleep(pause_s)
        log.error("alert_not_sent", fault=fault)

    async def _try(self, url: str, text: str) -> str:
        """Return what went wrong, "" when nothing did."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                response = await self._client.post(url, json={"text": text})
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return type(error).__name__
        return "" if response.is_success else f"status {response.status_code}"
