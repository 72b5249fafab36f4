"""Counting per address, in this process's memory."""

import time
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network
from typing import Final

from limits import RateLimitItem, parse
from starlette.requests import Request

from producer.visitors import read_address

MOST_ADDRESSES: Final = 20_000

_IPV6_SITE: Final = 64
_OTHERS: Final = "others"


class AddressLimit:
    """So many hits per window and address, written like `60 per 10 seconds`.

    One window for all: at its end everything is forgotten at once, which costs nothing per hit.
    Who comes when `most_addresses` are counted shares one count with all later ones, so that a
    flood from everywhere neither fills the memory nor opens the door.
    """

    def __init__(
        self,
        rule: str,
        *,
        most_addresses: int = MOST_ADDRESSES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rule: RateLimitItem = parse(rule)
        self._most_addresses = most_addresses
        self._now = now
        self._hits: Counter[str] = Counter()
        self._ends = 0.0

    @property
    def window_s(self) -> int:
        return self._rule.get_expiry()

    @property
    def counted(self) -> int:
        """How many are counted apart in this window; those without room count as one."""
        return len(self._hits)

    async def allows(self, request: Request) -> bool:
        """Count one hit and say whether it was within the limit."""
        if self._now() >= self._ends:
            self._hits.clear()
            self._ends = self._now() + self.window_s
        name = site_of(request)
        if name not in self._hits and len(self._hits) >= self._most_addresses:
            name = _OTHERS
        self._hits[name] += 1
        return self._hits[name] <= self._rule.amount


def site_of(request: Request) -> str:
    """Name the peer; an IPv6 customer owns a /64, so single addresses there mean nothing."""
    host = request.client.host if request.client else ""
    address = read_address(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_SITE), strict=False))
    return str(address) if address else host or "unknown"
