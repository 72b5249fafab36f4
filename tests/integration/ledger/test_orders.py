"""The site's documents as the stories see them."""

import pytest
from bson import Decimal128, Int64, ObjectId

from domain.job import Kind
from ledger.names import ORDERS
from tests.builders import NOW, ORDER_ID, SESSION_ID, order
from tests.integration.ledger.world import World

OTHER_ID = "0" * 24


@pytest.mark.parametrize("kind", Kind)
async def test_an_order_is_found_by_its_id_first(world: World, kind: Kind) -> None:
    """A session that belongs to another document does not win over the id."""
    await world.put_order(kind, stripeSessionId="cs_orphan")
    await world.put_order(kind, _id=OTHER_ID)
    found = await world.orders.find(kind, order_id=ORDER_ID, session_id=SESSION_ID)
    assert found == order(stripeSessionId="cs_orphan")


@pytest.mark.parametrize("order_id", [None, "", "unknown", OTHER_ID])
async def test_without_a_usable_id_the_session_finds_it(world: World, order_id: str | None) -> None:
    """A missing, malformed or unknown id is no dead end."""
    await world.put_order(Kind.VALUATION)
    found = await world.orders.find(Kind.VALUATION, order_id=order_id, session_id=SESSION_ID)
    assert found == order()


async def test_an_unknown_order_is_none(world: World) -> None:
    """Neither another kind nor another session finds it."""
    await world.put_order(Kind.VALUATION)
    for kind, session_id in ((Kind.CERTIFICATE, SESSION_ID), (Kind.VALUATION, "cs_unknown")):
        assert await world.orders.find(kind, order_id=None, session_id=session_id) is None


async def test_bson_types_become_plain_ones(world: World) -> None:
    """Nothing above the ledger has to know the driver's types."""
    document = order(
        _id=ObjectId(ORDER_ID),
        stockmass=Decimal128("168.5"),
        alter=Int64(8),
        usage={"ids": [ObjectId(OTHER_ID)]},
    )
    await world.put(ORDERS[Kind.VALUATION], document)
    found = await world.orders.find(Kind.VALUATION, order_id=ORDER_ID, session_id="")
    assert found is not None
    assert (found["_id"], found["stockmass"], found["alter"]) == (ORDER_ID, 168.5, 8)
    assert (type(found["stockmass"]), type(found["alter"])) == (float, int)
    assert found["usage"] == {"ids": [OTHER_ID]}
    assert found["erstellt"] == NOW


async def test_a_session_in_checkout_is_known_by_its_product(world: World) -> None:
    """The order exists before the payment; the status page tells unpaid from unknown."""
    await world.put_order(Kind.VALUATION, stripeSessionId="cs_1")
    await world.put_order(Kind.CERTIFICATE, stripeSessionId="cs_2")
    sessions = ("cs_1", "cs_2", "cs_3")
    kinds = [await world.orders.exists(session_id) for session_id in sessions]
    assert kinds == [Kind.VALUATION, Kind.CERTIFICATE, None]
