"""The first ring opens no sockets; asyncio's own pair of Unix sockets is not meant."""

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    """Make a test that reaches for the network fail."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()
