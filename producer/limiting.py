"""Counting per address, in this process's memory."""

from ipaddress import IPv6Address, ip_address, ip_network

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.requests import Request

_IPV6_SITE = 64


class AddressLimit:
    """So many hits per window and address, written like `60 per 10 seconds`."""

    def __init__(self, rule: str) -> None:
        self._rule: RateLimitItem = parse(rule)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    @property
    def window_s(self) -> int:
        return self._rule.get_expiry()

    async def allows(self, request: Request) -> bool:
        """Count one hit and say whether it was within the limit."""
        return await self._limiter.hit(self._rule, _address(request))


def _address(request: Request) -> str:
    """Name the peer; an IPv6 customer owns a /64, so single addresses there mean nothing."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host or "unknown"
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _IPV6_SITE), strict=False))
    return host
