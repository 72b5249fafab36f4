"""Customers and Stripe at work: orders inserted, events signed and posted until they are taken."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from bson import ObjectId
from pymongo.errors import DuplicateKeyError, PyMongoError

from sandbox.chaos.stories import Course, Story
from sandbox.chaos.watching import LedgerWatch
from sandbox.client import SandboxControl
from sandbox.shop import Shop

Json = dict[str, Any]

COMPLETED: Final = "checkout.session.completed"
SUCCEEDED: Final = "checkout.session.async_payment_succeeded"
FAILED: Final = "checkout.session.async_payment_failed"
REFUNDED: Final = "charge.refunded"
DISPUTED: Final = "charge.dispute.created"
DISPUTE_CLOSED: Final = "charge.dispute.closed"

_PRICES: Final = {"valuation": 1490, "certificate": 4990}
_PAUSES_S: Final = (0.3, 0.6, 1.2, 2.0)
_DELIVERY_PATIENCE_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Try:
    """One delivery of one event. `status` is None when no answer came."""

    at: float
    took: float
    status: int | None


@dataclass(slots=True)
class Letter:
    """One event and all tries to deliver it."""

    event_id: str
    type: str
    tries: list[Try] = field(default_factory=list)

    @property
    def taken_at(self) -> float | None:
        """Return when the first 2xx came."""
        good = (t.at + t.took for t in self.tries if t.status is not None and t.status < 300)
        return min(good, default=None)


@dataclass(slots=True)
class Sale:
    """What became of a story on the customer's side."""

    story: Story
    order_id: str = field(default_factory=lambda: str(ObjectId()))
    sessions: list[str] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    is_over: bool = False

    @property
    def job_ids(self) -> list[str]:
        return [f"{self.story.kind}:{session}" for session in self.sessions]


class Customers:
    """Plays stories. `give_up_at` (monotonic seconds) ends all re-posting.

    `marks` tells by job id which horse a job is about.
    """

    def __init__(
        self, shop: Shop, control: SandboxControl, ledger: LedgerWatch, *, give_up_at: float
    ) -> None:
        self._shop = shop
        self._control = control
        self._ledger = ledger
        self._give_up_at = give_up_at
        self.sales: list[Sale] = []
        self.marks: dict[str, str] = {}

    async def play(self, story: Story) -> None:
        sale = Sale(story)
        self.sales.append(sale)
        for _ in range(max(1, story.jobs)):
            sale.sessions.append(await self._session(sale))
        self.marks |= dict.fromkeys(sale.job_ids, story.mark)
        if story.course is not Course.ORDER_LATE:
            await self._store(sale)
        await _COURSES[story.course](self, sale)
        sale.is_over = True

    async def paid(self, sale: Sale) -> None:
        await self._post(sale, COMPLETED, copies=sale.story.copies)

    async def delayed(self, sale: Sale) -> None:
        await self._post(sale, COMPLETED)
        await asyncio.sleep(sale.story.pause)
        await self._settle_session(sale)
        await self._post(sale, SUCCEEDED, copies=sale.story.copies)

    async def swapped(self, sale: Sale) -> None:
        await self._settle_session(sale)
        await self._post(sale, SUCCEEDED)
        await self._post(sale, COMPLETED, overrides={"payment_status": "unpaid"})

    async def never_paid(self, sale: Sale) -> None:
        await self._post(sale, COMPLETED)
        await self._post(sale, FAILED, copies=sale.story.copies)

    async def order_late(self, sale: Sale) -> None:
        await self._post(sale, COMPLETED, copies=sale.story.copies)
        await asyncio.sleep(sale.story.pause)
        await self._store(sale)

    async def refunded_first(self, sale: Sale) -> None:
        await self._post(sale, REFUNDED)
        await self.paid(sale)

    async def refunded_at_once(self, sale: Sale) -> None:
        await self.paid(sale)
        await asyncio.sleep(sale.story.pause)
        await self._post(sale, REFUNDED, copies=sale.story.copies)

    async def refunded_later(self, sale: Sale) -> None:
        await self.paid(sale)
        await self._ledger.settled(sale.job_ids[0], timeout_s=_DELIVERY_PATIENCE_S)
        await self._post(sale, REFUNDED)

    async def partly_refunded(self, sale: Sale) -> None:
        await self.paid(sale)
        await self._post(sale, REFUNDED, amount_refunded=300)

    async def disputed_first(self, sale: Sale) -> None:
        await self._post(sale, DISPUTED)
        await self.paid(sale)

    async def dispute_won(self, sale: Sale) -> None:
        await self.paid(sale)
        await self._post(sale, DISPUTED)
        await asyncio.sleep(sale.story.pause)
        await self._post(sale, DISPUTE_CLOSED, status="won", copies=sale.story.copies)

    async def paid_twice(self, sale: Sale) -> None:
        await asyncio.gather(
            *(self._post(sale, COMPLETED, session=session) for session in sale.sessions)
        )

    async def _session(self, sale: Sale) -> str:
        story = sale.story
        fields: Json = {"email": story.email}
        if story.course is Course.FREE:
            fields["discount"] = _PRICES[story.kind]
        if story.course in {Course.DELAYED, Course.DELAYED_SWAPPED, Course.NEVER_PAID}:
            fields |= {"payment_status": "unpaid", "status": "complete"}
        if story.course is Course.WRONG_AMOUNT:
            fields["amount"] = _PRICES[story.kind] + 10
        session = await self._control.create_session(story.kind, sale.order_id, **fields)
        return str(session["id"])

    async def _settle_session(self, sale: Sale) -> None:
        await self._control.change_session(sale.sessions[0], payment_status="paid")

    async def _store(self, sale: Sale) -> None:
        """Insert the order, as often as it takes: the site's own database driver would retry."""
        while time.monotonic() < self._give_up_at:
            try:
                await self._shop.insert_order(
                    sale.story.kind,
                    sale.story.horse,
                    session_id=sale.sessions[0],
                    order_id=sale.order_id,
                )
            except DuplicateKeyError:
                return
            except PyMongoError:
                await asyncio.sleep(0.3)
            else:
                return

    async def _post(
        self,
        sale: Sale,
        event_type: str,
        *,
        copies: int = 1,
        session: str | None = None,
        **fields: Any,
    ) -> None:
        """Deliver one event, `copies` times at once, each until it is taken."""
        event = await self._control.create_event(event_type, session or sale.sessions[0], **fields)
        letters = [Letter(event["id"], event_type) for _ in range(copies)]
        sale.letters += letters
        await asyncio.gather(*(self._deliver(event, letter) for letter in letters))

    async def _deliver(self, event: Json, letter: Letter) -> None:
        """Post until a 2xx comes, as Stripe does, only sooner."""
        while letter.taken_at is None and time.monotonic() < self._give_up_at:
            began, at = time.monotonic(), time.time()
            try:
                status: int | None = (await self._shop.post(event)).status_code
            except httpx.HTTPError:
                status = None
            letter.tries.append(Try(at, time.monotonic() - began, status))
            if letter.taken_at is None:
                await asyncio.sleep(_PAUSES_S[min(len(letter.tries), len(_PAUSES_S)) - 1])


_COURSES: Final = {
    Course.PAID: Customers.paid,
    Course.FREE: Customers.paid,
    Course.DELAYED: Customers.delayed,
    Course.DELAYED_SWAPPED: Customers.swapped,
    Course.NEVER_PAID: Customers.never_paid,
    Course.ORDER_LATE: Customers.order_late,
    Course.REFUNDED_FIRST: Customers.refunded_first,
    Course.REFUNDED_AT_ONCE: Customers.refunded_at_once,
    Course.REFUNDED_LATER: Customers.refunded_later,
    Course.PARTLY_REFUNDED: Customers.partly_refunded,
    Course.DISPUTED_FIRST: Customers.disputed_first,
    Course.DISPUTE_WON: Customers.dispute_won,
    Course.PAID_TWICE: Customers.paid_twice,
    Course.WRONG_AMOUNT: Customers.paid,
}
