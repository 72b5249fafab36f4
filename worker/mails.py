"""The mails owed for a delivered or parked job: each once, each retried by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from domain.duties import owed_in
from domain.errors import DomainError, InvalidOrder, Unavailable
from domain.job import Claim, Job, MailDuty, MailState, MailTo, Reason, ReasonCode, State
from domain.order import Horse, clean_text, read_horse, restored
from domain.ports import Buyers, Clock, Jobs, Letter, Mailer, Orders, Records
from domain.schedule import GiveUp, next_try
from mail.broken import BrokenSale, delay_letter, parked_letter
from mail.letters import Sale, admin_letter, customer_letter, result_link, usable_address
from worker.endings import stack_of
from worker.insist import finish, insist

WAITS: Final = (2, 5, 15, 60, 120, 300)
GIVE_UP: Final = timedelta(hours=24)
INSIST_SECONDS: Final = 60.0

_MAX_ERROR: Final = 200
_NO_RECIPIENT: Final = "no usable mail address in the Stripe session"
_TO_CUSTOMERS: Final = frozenset({MailTo.CUSTOMER, MailTo.DELAY})
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
    """Writes and sends what a job owes. Without a `mailer` the shop sends no mails.

    Recipients are re-read from Stripe for each try and never stored or logged. A customer who
    has waited for `excuse_after` is told once, None: only when we give up.
    """

    jobs: Jobs
    orders: Orders
    buyers: Buyers
    records: Records
    clock: Clock
    mailer: Mailer | None
    admins: Sequence[str]
    site_url: str
    excuse_after: timedelta | None = None

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
        mails = claim.job.mails
        due = [to for to in owed_in(claim.job.state) if to in mails and self._is_due(mails[to])]
        for to in due:
            claim = await finish(self._settle_one(claim, to, mails[to], rest=to is due[-1]))
        if claim.job.owner is not None:
            await self.jobs.rest(claim)
        if left := [to.value for to in mails if not to.is_known]:
            log.info("mails_of_newer_build_kept", job_id=claim.job_id, mails=left)

    async def excuse(self, claim: Claim) -> Claim:
        """Send the one delay mail while the job is still being tried, if it is time for it.

        Raises LostClaim and Unavailable.
        """
        job, now = claim.job, self.clock.now()
        duty = job.mails.get(MailTo.DELAY, MailDuty())
        waited = now - (job.reopened_at or job.created_at)
        is_late = self.excuse_after is not None and waited >= self.excuse_after
        if self.mailer is None or not is_late or not self._is_due(duty):
            return claim
        return await self._settle_one(claim, MailTo.DELAY, duty)

    def _is_due(self, duty: MailDuty) -> bool:
        if duty.state is not MailState.PENDING:
            return False
        return duty.not_before is None or duty.not_before <= self.clock.now()

    async def _settle_one(
        self, claim: Claim, to: MailTo, duty: MailDuty, *, rest: bool = False
    ) -> Claim:
        """Send and write it down as one step, so that a sent mail is not forgotten.

        Bad news are announced to the ledger first: a refund or a retry by hand comes before them.
        """
        if claim.job.state is not State.DELIVERED:
            claim = await self.jobs.settle_mail(claim, to, duty)
            if to not in owed_in(claim.job.state):
                return claim
        settled = await self._try(claim.job, to, duty)
        return await insist(
            lambda: self.jobs.settle_mail(claim, to, settled, rest=rest),
            clock=self.clock,
            limit_s=INSIST_SECONDS,
        )

    async def _try(self, job: Job, to: MailTo, duty: MailDuty) -> MailDuty:
        if self.mailer is None or (to not in _TO_CUSTOMERS and not self.admins):
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
        sent = {"state": MailState.SENT, "tries": duty.tries + 1, "sent_at": self.clock.now()}
        sent |= {"provider_id": provider_id, "not_before": None, "error": None, "asked_at": None}
        return duty.model_copy(update=sent)

    async def _again(self, job: Job, to: MailTo, duty: MailDuty, error: str) -> MailDuty:
        now = self.clock.now()
        since = duty.asked_at or job.delivered_at or job.parked_at or now
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
        failed = {"state": MailState.FAILED, "tries": duty.tries + 1, "error": error}
        return duty.model_copy(update=failed | {"not_before": None})

    async def _record(self, job: Job, to: MailTo, error: str, stack: str | None = None) -> None:
        await self.records.error(
            job=job, error_type="mail_failed", code=f"mail_{to.value}", message=error, stack=stack
        )

    async def _write(self, job: Job, to: MailTo) -> Letter:
        key = key_of(job, to)
        if to is MailTo.ADMIN:
            return admin_letter(key=key, to=self.admins, sale=await self._sale(job))
        if to not in _TO_CUSTOMERS:
            return parked_letter(key=key, to=self.admins, sale=_broken(job, to))
        buyer = await self.buyers.of(job.session_id)
        address, name = usable_address(buyer.email), buyer.first_name
        if address is None:
            raise NoRecipient(_NO_RECIPIENT)
        if to is MailTo.DELAY:
            return delay_letter(key=key, to=address, kind=job.kind, first_name=name)
        link = result_link(self.site_url, job.kind, job.order_id or "")
        return customer_letter(key=key, to=address, kind=job.kind, first_name=name, link=link)

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
            customer_mail=_note(customer),
        )


def key_of(job: Job, to: MailTo) -> str:
    """Name one mail for the provider's deduplication; a further edition is another mail."""
    edition = job.mails.get(to, MailDuty()).edition
    return f"{job.id}:{to.value}:{edition}" if edition else f"{job.id}:{to.value}"


def _note(duty: MailDuty) -> str:
    return _NOTES.get(duty.state, f"im Zustand {duty.state.value}")


def _broken(job: Job, to: MailTo) -> BrokenSale:
    told = job.mails.get(MailTo.DELAY)
    return BrokenSale(
        job_id=job.id,
        session_id=job.session_id,
        order_id=job.order_id,
        kind=job.kind,
        payment=job.payment,
        reason=job.reason or Reason(code=ReasonCode.INTERNAL_ERROR, detail="no reason on record"),
        since=job.created_at,
        attempts=job.attempts,
        proposes_refund=to is MailTo.REFUND_PROPOSAL,
        delay_mail=_note(told) if told else "keine",
    )


def _readable(order: dict[str, object]) -> Horse | None:
    try:
        return read_horse(order)
    except InvalidOrder:
        return None
