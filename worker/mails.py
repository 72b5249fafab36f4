"""The mails owed for a delivered job: each once, each retried by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from domain.errors import DomainError, InvalidOrder, Unavailable
from domain.job import Claim, Job, MailDuty, MailState, MailTo
from domain.order import Horse, clean_text, read_horse, restored
from domain.ports import Buyers, Clock, Jobs, Letter, Mailer, Orders, Records
from domain.schedule import GiveUp, next_try
from mail.letters import Sale, admin_letter, customer_letter, result_link, usable_address
from worker.endings import stack_of
from worker.insist import finish, insist

WAITS: Final = (2, 5, 15, 60, 120, 300)
GIVE_UP: Final = timedelta(hours=24)
INSIST_SECONDS: Final = 60.0

_MAX_ERROR: Final = 200
_NO_RECIPIENT: Final = "no usable mail address in the Stripe session"
_NOTES: Final = {
    MailState.SENT: "versendet",
    MailState.PENDING: "steht noch aus, wird weiter versucht",
    MailState.FAILED: "nicht zustellbar, bitte den Kunden von Hand benachrichtigen",
    MailState.OFF: "abgeschaltet",
}

log = structlog.get_logger(__name__)


class NoRecipient(DomainError):  # noqa: N818 - reads as the sentence it is
    """The Stripe session names nobody we could write to; trying again does not help."""


@dataclass(frozen=True, slots=True)
class OwedMails:
    """Writes and sends what a delivered job owes. Without a `mailer` the shop sends no mails.

    Recipients are re-read from Stripe for each try and never stored or logged.
    """

    jobs: Jobs
    orders: Orders
    buyers: Buyers
    records: Records
    clock: Clock
    mailer: Mailer | None
    admins: Sequence[str]
    site_url: str

    def owed(self) -> dict[MailTo, MailDuty]:
        """Return the duties a delivery creates."""
        wanted = {MailTo.CUSTOMER: True, MailTo.ADMIN: bool(self.admins)}
        return {
            to: MailDuty(state=MailState.PENDING if self.mailer and asked else MailState.OFF)
            for to, asked in wanted.items()
        }

    async def settle(self, claim: Claim) -> None:
        """Try every mail that is due, then let go of the job until the next one is.

        Raises LostClaim and Unavailable from the ledger, nothing from the mails themselves.
        """
        for to in (MailTo.CUSTOMER, MailTo.ADMIN):
            duty = claim.job.mails.get(to)
            if duty is not None and self._is_due(duty):
                claim = await finish(self._settle_one(claim, to, duty))
        await self.jobs.rest(claim)

    def _is_due(self, duty: MailDuty) -> bool:
        if duty.state is not MailState.PENDING:
            return False
        return duty.not_before is None or duty.not_before <= self.clock.now()

    async def _settle_one(self, claim: Claim, to: MailTo, duty: MailDuty) -> Claim:
        """Send and write it down as one step, so that a sent mail is not forgotten."""
        settled = await self._try(claim.job, to, duty)
        return await insist(
            lambda: self.jobs.settle_mail(claim, to, settled),
            clock=self.clock,
            limit_s=INSIST_SECONDS,
        )

    async def _try(self, job: Job, to: MailTo, duty: MailDuty) -> MailDuty:
        if self.mailer is None:
            return duty.model_copy(update={"state": MailState.OFF})
        try:
            provider_id = await self.mailer.send(await self._write(job, to))
        except NoRecipient:
            return await self._fail(job, to, duty, _NO_RECIPIENT)
        except Unavailable as error:
            return await self._again(job, to, duty, str(error)[:_MAX_ERROR])
        except Exception as error:  # noqa: BLE001 - one mail must not block the other
            await self._record(job, to, type(error).__name__, stack=stack_of(error))
            return await self._again(job, to, duty, type(error).__name__)
        log.info("mail_sent", job_id=job.id, to=to.value, tries=duty.tries + 1)
        return MailDuty(
            state=MailState.SENT,
            tries=duty.tries + 1,
            sent_at=self.clock.now(),
            provider_id=provider_id,
            edition=duty.edition,
        )

    async def _again(self, job: Job, to: MailTo, duty: MailDuty, error: str) -> MailDuty:
        now = self.clock.now()
        since = duty.asked_at or job.delivered_at or now
        decision = next_try(WAITS, rounds=duty.tries, since=since, now=now, give_up=GIVE_UP)
        if isinstance(decision, GiveUp):
            return await self._fail(job, to, duty, error)
        log.warning("mail_waits", job_id=job.id, to=to.value, tries=duty.tries + 1, error=error)
        return duty.model_copy(
            update={"tries": duty.tries + 1, "not_before": decision.at, "error": error}
        )

    async def _fail(self, job: Job, to: MailTo, duty: MailDuty, error: str) -> MailDuty:
        log.error("mail_failed", job_id=job.id, to=to.value, error=error)
        await self._record(job, to, error)
        return MailDuty(
            state=MailState.FAILED, tries=duty.tries + 1, error=error, edition=duty.edition
        )

    async def _record(self, job: Job, to: MailTo, error: str, stack: str | None = None) -> None:
        await self.records.error(
            job=job, error_type="mail_failed", code=f"mail_{to.value}", message=error, stack=stack
        )

    async def _write(self, job: Job, to: MailTo) -> Letter:
        key = key_of(job, to)
        if to is MailTo.ADMIN:
            return admin_letter(key=key, to=self.admins, sale=await self._sale(job))
        buyer = await self.buyers.of(job.session_id)
        address = usable_address(buyer.email)
        if address is None:
            raise NoRecipient(_NO_RECIPIENT)
        link = result_link(self.site_url, job.kind, job.order_id or "")
        return customer_letter(
            key=key, to=address, kind=job.kind, first_name=buyer.first_name, link=link
        )

    async def _sale(self, job: Job) -> Sale:
        raw = await self.orders.find(job.kind, order_id=job.order_id, session_id=job.session_id)
        order = raw or {}
        source = job.payment.source or clean_text(order.get("attribution_source")) or None
        if job.answer is None:
            raise Unavailable("the journaled answer is gone")
        customer = job.mails.get(MailTo.CUSTOMER, MailDuty(state=MailState.OFF))
        return Sale(
            job_id=job.id,
            order_id=job.order_id or "",
            kind=job.kind,
            payment=job.payment.model_copy(update={"source": source}),
            horse=_readable(order),
            answer=restored(job.answer, job.kind, order),
            certificate_number=job.certificate_number,
            customer_mail=_NOTES[customer.state],
        )


def key_of(job: Job, to: MailTo) -> str:
    """Name one mail for the provider's deduplication; a further edition is another mail."""
    edition = job.mails.get(to, MailDuty()).edition
    return f"{job.id}:{to.value}:{edition}" if edition else f"{job.id}:{to.value}"


def _readable(order: dict[str, object]) -> Horse | None:
    try:
        return read_horse(order)
    except InvalidOrder:
        return None
