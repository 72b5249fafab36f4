"""Whose request it is: the list is read from our side, and only as far as proxies are trusted."""

from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from producer.visitors import MOST_HOPS, visitor

OURS = [ip_network("10.0.0.0/8"), ip_network("127.0.0.1"), ip_network("fd00::/8")]
PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", PROXY),
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.9, 192.0.2.1", "192.0.2.1"),
        ("198.51.100.9, 192.0.2.1, 10.9.9.9", "192.0.2.1"),
        ("127.0.0.1, 192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1"),
        ("fe80::1%anything", "fe80::1"),
        ("192.0.2.1, unknown", PROXY),
        ("192.0.2.1,", PROXY),
        ("192.0.2.1, unknown, 10.0.0.7", "10.0.0.7"),
        ("[", PROXY),
        ("[]:1", PROXY),
        ("192.0.2.1:2:3", PROXY),
        ("999.1.1.1", PROXY),
        ("1.2.3", PROXY),
        ("0x7f.1", PROXY),
        ("x" * 10_000, PROXY),
        ("1" * 10_000, PROXY),
        (",".join(["203.0.113.7"] * 1000), "203.0.113.7"),
        (",".join(["192.0.2.1", *[PROXY] * (MOST_HOPS - 1)]), "192.0.2.1"),
        (",".join(["192.0.2.1", *[PROXY] * 5000]), PROXY),
    ],
)
def test_the_nearest_stranger(told: str, expected: str) -> None:
    """What makes no sense counts for the proxy that passed it on."""
    assert visitor(PROXY, told, OURS) == expected


@pytest.mark.parametrize("peer", ["192.0.2.1", "::ffff:192.0.2.1"])
def test_strangers_name_nobody(peer: str) -> None:
    """A caller that is no proxy of ours counts as itself, whatever it says."""
    assert visitor(peer, "198.51.100.9", OURS) == "192.0.2.1"


def test_a_proxy_on_a_socket_that_takes_both() -> None:
    """It is trusted by its IPv4 address."""
    assert visitor("::ffff:10.0.0.1", "192.0.2.1", OURS) == "192.0.2.1"


def test_a_peer_without_address() -> None:
    """A Unix socket has none; nothing is made of it."""
    assert visitor("", "192.0.2.1", OURS) == ""


@given(invented=st.text(), real=st.ip_addresses(v=4))
def test_nothing_invented_hides_the_caller(invented: str, real: IPv4Address) -> None:
    """Whatever stands before what our proxy appended."""
    assume(not any(real in network for network in OURS))

    assert visitor(PROXY, f"{invented}, {real}", OURS) == str(real)
