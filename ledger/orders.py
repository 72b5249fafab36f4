"""The site's orders, read only."""

from domain.job import Kind, RawOrder
from ledger.connection import Connection, verb
from ledger.documents import order_key, read_order
from ledger.names import ORDERS


class MongoOrders:
    """Implements `domain.ports.Orders`. Every verb raises Unavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @verb
    async def find(self, kind: Kind, *, order_id: str | None, session_id: str) -> RawOrder | None:
        """Look up by document id first: a second checkout may have left an orphan session."""
        orders = self._connection.collection(ORDERS[kind])
        document = await orders.find_one({"_id": order_key(order_id)}) if order_id else None
        if document is None:
            document = await orders.find_one({"stripeSessionId": session_id})
        return read_order(document) if document else None

    @verb
    async def exists(self, session_id: str) -> Kind | None:
        """Say which product was put into checkout under this session, paid or not."""
        for kind, name in ORDERS.items():
            orders = self._connection.collection(name)
            if await orders.find_one({"stripeSessionId": session_id}, {"_id": 1}):
                return kind
        return None
