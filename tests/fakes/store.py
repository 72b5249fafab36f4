"""Documents in memory, as strict as BSON and as the unique indexes."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import bson
from bson import CodecOptions, ObjectId

from domain.errors import Unavailable
from domain.job import Kind
from domain.ports import Clock
from ledger.documents import order_key
from ledger.names import JOBS, ORDERS

Document = dict[str, Any]

_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


class OrderTaken(Exception):  # noqa: N818 - reads as the sentence it is
    """The unique index refused: another job holds the order."""

    def __init__(self, holder: Document) -> None:
        super().__init__(holder["_id"])
        self.holder = holder


class MemoryStore:
    """What MongoDB is to the ledger. Set `is_down` and every verb raises Unavailable."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.is_down = False
        self._collections: dict[str, dict[Any, Document]] = defaultdict(dict)

    def answer(self) -> None:
        if self.is_down:
            raise Unavailable("the memory store is down")

    def put(self, collection: str, document: Mapping[str, Any]) -> Document:
        """Insert or replace, after a round trip through BSON. Raises OrderTaken."""
        stored = bson.decode(bson.encode({"_id": ObjectId()} | dict(document)), _AWARE)
        if collection == JOBS and stored["holds_order"]:
            holder = self.holder(stored["kind"], stored["order_id"])
            if holder and holder["_id"] != stored["_id"]:
                raise OrderTaken(holder)
        self._collections[collection][stored["_id"]] = stored
        return stored

    def get(self, collection: str, key: Any) -> Document | None:
        return self._collections[collection].get(key)

    def drop(self, collection: str, key: Any) -> None:
        self._collections[collection].pop(key, None)

    def all(
        self, collection: str, matches: Callable[[Document], bool] = lambda _: True
    ) -> list[Document]:
        return [doc for doc in self._collections[collection].values() if matches(doc)]

    def put_order(self, kind: Kind, order: Mapping[str, Any]) -> Document:
        """Store an order as checkout does; a hex `_id` becomes an ObjectId."""
        key = order_key(order["_id"]) if isinstance(order["_id"], str) else order["_id"]
        return self.put(ORDERS[kind], dict(order) | {"_id": key})

    def holder(self, kind: str, order_id: str | None) -> Document | None:
        def holds(job: Document) -> bool:
            return bool(job["holds_order"]) and (job["kind"], job["order_id"]) == (kind, order_id)

        return next(iter(self.all(JOBS, holds)), None)
