"""How many may hold something at once, altogether and from one address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import Unavailable
from producer.status import TooManyReads


class Places:
    """Counts who is in. `retry_after`: seconds after which one address may try again."""

    def __init__(self, *, most: int, most_per_address: int, retry_after: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._retry_after = retry_after
        self._taken: Counter[str] = Counter()

    def check(self, address: str) -> None:
        """Raises TooManyReads when the address has its share, Unavailable when all are taken."""
        if self._taken[address] >= self._most_per_address:
            raise TooManyReads(self._retry_after)
        if self._taken.total() >= self._most:
            raise Unavailable("too many streams are open")

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Hold a place; raises like `check`. Nobody comes in between, since nothing waits here."""
        self.check(address)
        self._taken[address] += 1
        try:
            yield
        finally:
            self._taken -= Counter([address])  # forgets who holds none
