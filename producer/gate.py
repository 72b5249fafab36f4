"""Closed until the ledger's indexes exist: without them nothing is unique and nothing is once."""

from domain.errors import Unavailable


class Gate:
    """Shut at start; opened when the migrations are through."""

    def __init__(self) -> None:
        self._is_open = False

    def open(self) -> None:
        self._is_open = True

    def check(self) -> None:
        """Raises Unavailable while shut."""
        if not self._is_open:
            raise Unavailable("the ledger is not prepared yet")
