"""Whose request it is when proxies stand in between.

Each proxy appends the address it was called from, so only the end of the list is ours: what stands
before the first address that is no trusted proxy's was written by the caller and may be anything.
"""

import re
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

Network = IPv4Network | IPv6Network
MOST_HOPS: Final = 32

_WITH_PORT: Final = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d*)?|(?P<v4>[0-9.]+):\d*")


class Visitors:
    """Puts the visitor's address where the peer's was; plain ASGI, around the application."""

    def __init__(self, app: ASGIApp, *, proxies: Sequence[Network], header: str) -> None:
        self._app = app
        self._proxies = proxies
        self._header = header.lower().encode("latin-1")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client"):
            named = [value for name, value in scope["headers"] if name == self._header]
            told = b",".join(named).decode("latin-1")
            scope["client"] = (visitor(scope["client"][0], told, self._proxies), 0)
        await self._app(scope, receive, send)


def visitor(peer: str, told: str, proxies: Sequence[Network]) -> str:
    """Return the nearest address that is no trusted proxy's, in its one normal spelling.

    `told` is the header's comma list. Where it ends or makes no sense, the last proxy stands for
    whoever is behind it: better one shared limit than none.
    """
    address = read_address(peer)
    if address is None:
        return peer
    for hop in reversed(told.rsplit(",", MOST_HOPS)):
        before = read_address(hop) if any(address in network for network in proxies) else None
        if before is None:
            break
        address = before
    return str(address)


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address with or without a port; None when it is none.

    An IPv4 address in IPv6 clothes is the IPv4 address; zones mean nothing beyond their host.
    """
    text = text.strip()
    if match := _WITH_PORT.fullmatch(text):
        text = match["v6"] or match["v4"] or ""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address
