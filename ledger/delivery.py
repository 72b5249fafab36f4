"""The one transaction of the shop: job, order and certificate number, all or nothing."""

from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from domain.duties import after_delivery
from domain.errors import AlreadyAnswered, InvalidOrder, LostClaim
from domain.job import Claim, Job, Kind, MailDuty, MailTo, State
from domain.order import RESULT_FIELD, has_result
from ledger.connection import Connection, Document
from ledger.documents import order_key, plain, read_job
from ledger.names import COUNTERS, JOBS, ORDERS
from ledger.results import certificate_number, certificate_prefix, next_mail_at, result_fields
from ledger.transactions import Session


def numbers_of(year: int) -> dict[str, Any]:
    """Return the condition for the year's counted numbers; the bounds make the index usable.

    When its counter failed, the site wrote a base-36 time stamp instead of six digits.
    """
    return {
        "$gt": certificate_number(year, 0),
        "$lte": certificate_number(year, 999_999),
        "$regex": "-[0-9]{6}$",
    }


class Delivery:
    """One attempt to hand a journaled answer over, inside a transaction's session."""

    def __init__(self, connection: Connection, session: Session, now: datetime) -> None:
        self._jobs = connection.database[JOBS]
        self._counters = connection.database[COUNTERS]
        self._connection = connection
        self._session = session
        self._now = now

    async def make(self, claim: Claim, mails: dict[MailTo, MailDuty]) -> Document:
        """Return the delivered job; a delivery which this very claim made before is recognised.

        Raises LostClaim, AlreadyAnswered, and InvalidOrder when the order is gone.
        """
        guard = {"_id": claim.job_id, "owner": claim.owner, "fence": claim.fence}
        document = await self._update_job(
            guard | {"state": State.ANSWERED.value},
            self._delivered(after_delivery(claim.job.mails, mails)),
        )
        if document is None:
            return await self._made_before(guard)
        job = read_job(document)
        number = await self._draw_number() if job.kind is Kind.CERTIFICATE else None
        await self._hand_over(job, number)
        if number is None:
            return document
        return await self._update_job(guard, {"certificate_number": number}) or document

    def _delivered(self, mails: dict[MailTo, MailDuty]) -> dict[str, Any]:
        return {
            "state": State.DELIVERED.value,
            "delivered_at": self._now,
            "mails": plain(mails),
            "not_before": next_mail_at(mails.values(), self._now),
            "updated_at": self._now,
        }

    async def _update_job(self, guard: dict[str, Any], changes: dict[str, Any]) -> Document | None:
        return await self._jobs.find_one_and_update(
            guard,
            {"$set": changes},
            return_document=ReturnDocument.AFTER,
            session=self._session,
        )

    async def _made_before(self, guard: dict[str, Any]) -> Document:
        delivered = guard | {"state": State.DELIVERED.value}
        document = await self._jobs.find_one(delivered, session=self._session)
        if document is None:
            raise LostClaim(guard["_id"])
        return document

    async def _hand_over(self, job: Job, number: str | None) -> None:
        """Write the result, and look at what was there before: raising takes everything back.

        Whoever else writes the order after our snapshot makes the update conflict, and the
        transaction starts again.
        """
        before = await self._connection.database[ORDERS[job.kind]].find_one_and_update(
            {"_id": order_key(job.order_id or "")},
            {"$set": result_fields(job, number, self._now)},
            projection={RESULT_FIELD[job.kind]: 1},
            return_document=ReturnDocument.BEFORE,
            session=self._session,
        )
        if before is None:
            raise InvalidOrder("_id", "the order document is gone")
        if has_result(job.kind, before):
            raise AlreadyAnswered("the order received another result while this job worked")

    async def _draw_number(self) -> str:
        """Count up, behind the year's highest number if the counter is missing or lags.

        The counter's `_id` is its name, so that two first certificates of a year conflict even
        without a unique index on the site's `name`.
        """
        year = self._now.year
        name, highest = f"zertifikat_{year}", await self._highest_count(year)
        counter = await self._count_up(name, highest)
        if counter is None:
            counter = {"_id": name, "name": name, "seq": highest + 1}
            await self._counters.insert_one(counter, session=self._session)
        return certificate_number(year, int(counter["seq"]))

    async def _count_up(self, name: str, highest: int) -> Document | None:
        # A counter that is no number is as good as none.
        as_long = {"$convert": {"input": "$seq", "to": "long", "onError": None}}
        reached = {"$cond": [{"$isNumber": "$seq"}, as_long, None]}
        return await self._counters.find_one_and_update(
            {"name": name},
            [{"$set": {"seq": {"$add": [{"$max": [reached, highest]}, 1]}}}],
            return_document=ReturnDocument.AFTER,
            session=self._session,
        )

    async def _highest_count(self, year: int) -> int:
        prefix = certificate_prefix(year)
        order = await self._connection.database[ORDERS[Kind.CERTIFICATE]].find_one(
            {"zertifikatNummer": numbers_of(year)},
            {"zertifikatNummer": 1},
            sort=[("zertifikatNummer", -1)],
            session=self._session,
        )
        return int(order["zertifikatNummer"].removeprefix(prefix)) if order else 0
