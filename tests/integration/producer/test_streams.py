"""Streams of people who leave, vanish, or do not read: each gives its place and memory back."""

import itertools
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import NoReturn

import pytest

from tests.integration.producer.served import Served, eventually, reset, served, vanish
from tests.integration.producer.web import put_jobs, session_of

pytestmark = pytest.mark.timeout(300)

STREAMS = 3
PER_ADDRESS = 2
HUGE = 12_000_000
"""Bytes: more than the system's buffers of both sides take."""

numbers = itertools.count(1)


@pytest.fixture
def web(mongo_uri: str, caplog: pytest.LogCaptureFixture) -> Iterator[Served]:
    with served(mongo_uri, max_streams=STREAMS, max_per_address=PER_ADDRESS) as web:
        put_jobs(web.database)
        yield web
        assert eventually(lambda: web.lines == 0)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
def lines() -> Iterator[ExitStack]:
    with ExitStack() as lines:
        yield lines


def ask(
    web: Served, lines: ExitStack, state: str = "queued", *, address: str = "", small: bool = False
) -> socket.socket:
    """Ask for an order's stream, from an address of its own unless one is given."""
    line = lines.enter_context(closing(web.connect(receive_buffer=2048 if small else None)))
    visitor = address or f"203.0.113.{next(numbers)}"
    line.sendall(
        f"GET /orders/{session_of(state)}/events HTTP/1.1\r\n"
        f"Host: shop\r\nX-Forwarded-For: {visitor}\r\n\r\n".encode()
    )
    return line


def head(line: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = line.recv(1)
        assert chunk, received
        received += chunk
    return received.decode().lower()


def status(line: socket.socket) -> int:
    return int(head(line).split()[1])


def has_room(web: Served) -> bool:
    """Say whether a stream may be opened, and leave again."""
    with ExitStack() as lines:
        return status(ask(web, lines)) == 200


def fill(web: Served, lines: ExitStack) -> list[socket.socket]:
    held = [ask(web, lines) for _ in range(STREAMS)]
    assert [status(line) for line in held] == [200] * STREAMS
    assert not has_room(web)
    return held


def make_huge(web: Served, state: str) -> None:
    change = {"$set": {"answer.text": "x" * HUGE}}
    assert web.database.jobs.update_one({"session_id": session_of(state)}, change).modified_count


def test_the_cap_holds_against_all_at_once(web: Served, lines: ExitStack) -> None:
    """Thirty that ask before any has begun: three are let in, the others told when to come back."""
    heads = [head(line) for line in [ask(web, lines) for _ in range(30)]]

    refused = [text for text in heads if text.startswith("http/1.1 503")]
    assert sum(text.startswith("http/1.1 200") for text in heads) == STREAMS
    assert len(refused) == 30 - STREAMS
    assert all("retry-after: 5" in text for text in refused)


def test_one_address_cannot_take_all(web: Served, lines: ExitStack) -> None:
    """It is told that this is too many; another is let in."""
    heads = [head(line) for line in [ask(web, lines, address="192.0.2.1") for _ in range(10)]]

    refused = [text for text in heads if text.startswith("http/1.1 429")]
    assert len(refused) == 10 - PER_ADDRESS
    assert all("retry-after: 10" in text for text in refused)
    assert status(ask(web, lines)) == 200


def say_goodbye(line: socket.socket) -> None:
    line.close()


def close_half(line: socket.socket) -> None:
    line.shutdown(socket.SHUT_WR)


@pytest.mark.skipif(sys.platform != "linux", reason="uses a packet filter")
@pytest.mark.parametrize("leave", [say_goodbye, close_half, reset, vanish])
def test_a_place_comes_back(
    web: Served, lines: ExitStack, leave: Callable[[socket.socket], None]
) -> None:
    """However the reader goes, and also when its host says nothing any more."""
    held = fill(web, lines)

    leave(held[0])

    assert eventually(lambda: has_room(web))
    assert web.lines >= STREAMS - 1


def test_a_stream_that_ends_gives_its_place_back(web: Served, lines: ExitStack) -> None:
    """The line stays for the next request; the place does not."""
    fill(web, lines)

    web.database.jobs.update_many({}, {"$set": {"state": "parked"}})

    assert eventually(lambda: has_room(web))


def test_who_does_not_read_holds_nothing(web: Served, lines: ExitStack) -> None:
    """A large result, tiny buffers, and nobody who takes it: hung up on, and others go on."""
    make_huge(web, "delivered")
    stalled = [ask(web, lines, "delivered", small=True) for _ in range(STREAMS - 1)]
    assert [status(line) for line in stalled] == [200] * (STREAMS - 1)

    other = ask(web, lines)
    assert status(other) == 200
    assert b"id: " in other.recv(65536)
    assert eventually(lambda: web.lines == 1)
    assert has_room(web)


def test_a_large_result_is_read_whole(web: Served, lines: ExitStack) -> None:
    """Who does read is not mistaken for one who does not."""
    make_huge(web, "delivered")
    line = ask(web, lines, "delivered", small=True)

    received = 0
    while received < HUGE:
        chunk = line.recv(1_000_000)
        assert chunk
        received += len(chunk)


def send_for_ever(line: socket.socket, data: bytes) -> NoReturn:
    while True:
        line.sendall(data)


@pytest.mark.parametrize("path", ["/health", f"/orders/{session_of('delivered')}"])
def test_answers_that_nobody_takes(web: Served, lines: ExitStack, path: str) -> None:
    """Request after request and not one answer read: the line is cut, not kept."""
    make_huge(web, "delivered")
    line = lines.enter_context(closing(web.connect(receive_buffer=2048)))
    many = f"GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n".encode() * 1000

    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        send_for_ever(line, many)


def test_an_answer_nobody_takes_after_goodbye(web: Served, lines: ExitStack) -> None:
    """The server has closed and only waits to be rid of the rest: not for ever."""
    make_huge(web, "delivered")
    line = lines.enter_context(closing(web.connect(receive_buffer=2048)))
    line.sendall(
        f"GET /orders/{session_of('delivered')} HTTP/1.1\r\n"
        "Host: shop\r\nConnection: close\r\n\r\n".encode()
    )
    assert status(line) == 200

    assert eventually(lambda: web.lines == 0)
