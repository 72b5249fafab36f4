"""Every Stripe event we were told about, once each."""

from pymongo import ReturnDocument, WriteConcern

from domain.payment import Notice
from domain.ports import Clock
from ledger.connection import Connection, verb
from ledger.damage import readable
from ledger.documents import notice_fields
from ledger.names import STRIPE_EVENTS


class Inbox:
    """The collection `stripe_events`. Every verb raises Unavailable."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._events = connection.collection(STRIPE_EVENTS)
        self._hasty_events = self._events.with_options(write_concern=WriteConcern(w=1, j=False))

    @verb
    async def receive(self, notice: Notice) -> int:
        """Store the event durably; return how often it was delivered, this time included."""
        birth = notice_fields(notice) | {
            "received_at": self._clock.now(),
            "handled_at": None,
            "outcome": None,
        }
        event = await self._events.find_one_and_update(
            {"_id": notice.id},
            {"$setOnInsert": birth, "$inc": {"deliveries": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(event["deliveries"])

    @verb
    async def handled(self, event_id: str, outcome: str) -> None:
        """Note that the event needs nothing more; `outcome` is a word for people.

        Nobody waits for a majority or the disk: a note that is lost costs a repetition.
        """
        await self._hasty_events.update_one(
            {"_id": event_id}, {"$set": {"handled_at": self._clock.now(), "outcome": outcome}}
        )

    @verb
    async def about_payment(self, payment_intent: str) -> list[Notice]:
        """Return all events about one payment, oldest first."""
        cursor = self._events.find({"payment_intent": payment_intent}).sort("created", 1)
        return readable(Notice, [event async for event in cursor])
