"""Places: the cap, one address's share, and that nothing stays taken or remembered."""

import pytest

from domain.errors import Unavailable
from producer.places import Places
from producer.status import TooManyReads


def test_the_cap_and_the_share() -> None:
    """One address cannot take all; who comes too late is told so, and a leaver makes room."""
    places = Places(most=3, most_per_address=2, retry_after=7)
    with places.one("a"), places.one("b"):
        with places.one("a"):
            with pytest.raises(TooManyReads) as refused, places.one("a"):
                raise AssertionError
            with pytest.raises(Unavailable):
                places.check("c")
        with places.one("c"), pytest.raises(Unavailable):
            places.check("d")
    places.check("a")

    assert refused.value.retry_after == 7


def test_a_failure_gives_the_place_back() -> None:
    """However it ends."""
    places = Places(most=1, most_per_address=1, retry_after=1)

    with pytest.raises(RuntimeError), places.one("a"):
        raise RuntimeError

    places.check("a")
