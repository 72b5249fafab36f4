"""The site's documents with everything BSON can hold in every field: valued, or parked by name."""

from typing import Any, Final

import pytest
from bson import DBRef, Decimal128, Int64

from domain.errors import InvalidOrder
from domain.job import Kind, RawOrder
from domain.order import Horse, has_result, read_horse
from domain.prompting import describe
from ledger.connection import Connection
from ledger.documents import order_key
from ledger.names import ORDERS
from ledger.orders import MongoOrders
from tests.builders import ORDER_ID, SESSION_ID, order
from tests.integration.ledger.test_damage import ODD

VALUES: Final[list[Any]] = [
    *ODD, -1, 0, 10**15, 1e308, float("inf"), Decimal128("NaN"), Decimal128("1.65"),
    Int64(-(2**63)), "", " ", "\x00\u202e", "x" * 1_000_000, ["a", ["b"]], {"$gt": "", "a.b": 1},
    DBRef("a", "b"),
]  # fmt: skip
FIELDS: Final = sorted({field.alias or "" for field in Horse.model_fields.values()})
OTHERS: Final = ["verwendungszweck", "bewertung", "status", "stripeSessionId", "erstellt", "a.b"]


@pytest.mark.parametrize("field", [*FIELDS, *OTHERS])
async def test_every_field(connection: Connection, field: str) -> None:
    orders = connection.database[ORDERS[Kind.VALUATION]]
    for value in VALUES:
        await orders.delete_many({})
        document = order() | {"_id": order_key(ORDER_ID), field: value}
        await orders.insert_one(document)

        raw = await MongoOrders(connection).find(
            Kind.VALUATION, order_id=ORDER_ID, session_id=SESSION_ID
        )
        assert raw is not None
        has_result(Kind.VALUATION, raw)
        await MongoOrders(connection).exists(SESSION_ID)
        fault, horse = read(raw)
        if horse is None:
            assert fault == field
        else:
            assert horse.height_cm in range(50, 251)
            assert "\x00" not in describe(horse)


def read(raw: RawOrder) -> tuple[str, Horse | None]:
    """Return the field that cannot be read, or the horse."""
    try:
        return "", read_horse(raw)
    except InvalidOrder as error:
        return error.field, None
