"""Counting per address: windows, sites, and a bound on what is remembered."""

import pytest
from starlette.requests import Request

from producer.limiting import AddressLimit
from tests.fakes.clock import FakeClock


def coming_from(address: str | None) -> Request:
    client = (address, 0) if address is not None else None
    return Request({"type": "http", "headers": [], "client": client})


async def hits(limit: AddressLimit, *addresses: str | None) -> list[bool]:
    return [await limit.allows(coming_from(address)) for address in addresses]


async def test_a_new_window_forgets() -> None:
    """Each address has its own count, until the window ends."""
    clock = FakeClock()
    limit = AddressLimit("2 per 10 seconds", now=clock.monotonic)

    assert await hits(limit, *["192.0.2.1"] * 3, "192.0.2.2") == [True, True, False, True]
    clock.advance(9)
    assert await hits(limit, "192.0.2.1") == [False]
    clock.advance(1)
    assert await hits(limit, "192.0.2.1") == [True]


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        (None, "", True),
    ],
)
async def test_what_counts_as_one(first: str | None, second: str | None, is_same: bool) -> None:  # noqa: FBT001 - a column of the table
    """A /64 is one customer; IPv4 stays IPv4 on a socket that takes both."""
    limit = AddressLimit("1 per 1 minute")

    assert await hits(limit, first, second) == [True, not is_same]


async def test_a_flood_of_addresses_fills_no_memory_and_opens_no_door() -> None:
    """Whom there is no room for shares one count; who was known before keeps its own."""
    clock = FakeClock()
    limit = AddressLimit("2 per 10 seconds", most_addresses=3, now=clock.monotonic)
    flood = [f"198.51.100.{n}" for n in range(100)]

    await hits(limit, "192.0.2.1")
    assert (await hits(limit, *flood)).count(True) == 4
    assert limit.counted == 4
    assert await hits(limit, "192.0.2.1", "203.0.113.1") == [True, False]
    clock.advance(10)
    assert await hits(limit, "203.0.113.1") == [True]
    assert limit.counted == 1
