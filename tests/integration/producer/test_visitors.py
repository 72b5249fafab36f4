"""Who says they are somebody else, to a web process behind a proxy it trusts: nobody gets in."""

import itertools
import socket
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from producer.admin import WRONG_TOKENS
from producer.status import READS
from producer.webhook import BAD_SIGNATURES
from tests.integration.producer.served import Served, served
from tests.integration.producer.web import TOKEN, Web, put_jobs, running_web, session_of
from tests.stripe_events import event, session
from tests.stripe_signing import as_body, signature

pytestmark = pytest.mark.timeout(300)

MOST_READS = int(READS.split()[0])
MOST_FORGERIES = int(BAD_SIGNATURES.split()[0])
MOST_GUESSES = int(WRONG_TOKENS.split()[0])
numbers = itertools.count(1)

Headers = Callable[[int, str], Sequence[str]]
"""The lines of the n-th request, given what the proxy appends: the caller's real address."""


@pytest.fixture(scope="module")
def web(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running_web(mongo_uri, tmp_path_factory.mktemp("web")) as web:
        put_jobs(web.database)
        yield web
        assert web.process.poll() is None
        assert "request_crashed" not in web.log.read_text()
        assert "Traceback" not in web.log.read_text()


def a_visitor() -> str:
    """Return an address that no other test has used up."""
    number = next(numbers)
    return f"203.{number // 65536}.{number // 256 % 256}.{number % 256}"


def statuses(web: Web | Served, requests: Sequence[bytes]) -> list[int]:
    """Send one after the other on one line; return what each was answered."""
    found = []
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as line:
        answers = line.makefile("rb")
        for request in requests:
            line.sendall(request)
            found.append(int(answers.readline().split()[1]))
            length = 0
            while (header := answers.readline()) != b"\r\n":
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            answers.read(length)
    return found


def request(path: str, lines: Sequence[str], *, method: str = "GET", body: bytes = b"") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: shop", *lines, f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def reads(lines: Headers, count: int, real: str) -> list[bytes]:
    path = f"/orders/{session_of('queued')}"
    return [request(path, lines(n, real)) for n in range(count)]


def forwarded(value: str) -> str:
    return f"X-Forwarded-For: {value}"


GAMES: dict[str, Headers] = {
    "an invented address each time": lambda n, real: [forwarded(f"198.51.100.{n}, {real}")],
    "a line of its own": lambda n, real: [forwarded(f"198.51.100.{n}"), forwarded(real)],
    "three lines": lambda n, real: [
        forwarded(f"198.51.100.{n}"), forwarded("garbage"), forwarded(real)
    ],
    "our own addresses": lambda n, real: [forwarded(f"127.0.0.1, 10.0.0.{n}, ::1, {real}")],
    "with ports": lambda n, real: [forwarded(f"{real}:{1024 + n}")],
    "as IPv6": lambda n, real: [forwarded(f"[2001:db8::{n}]:1, [::ffff:{real}]:{1024 + n}")],
    "garbage before": lambda n, real: [forwarded(f"\xff{n}\t[::, ,,;=\"', {real}")],
    "10 kB before": lambda n, real: [forwarded(f"198.51.100.{n}, " * 600 + real)],
    "10 kB of ourselves": lambda n, real: [
        forwarded(f"198.51.100.{n}, " + real + ", 127.0.0.1" * 20)
    ],
    "other names for it": lambda n, real: [
        f"CF-Connecting-IP: 198.51.100.{n}", f"True-Client-IP: 198.51.100.{n}",
        f"X-Real-IP: 198.51.100.{n}", f"Forwarded: for=198.51.100.{n}", forwarded(real),
    ],
}  # fmt: skip


@pytest.mark.parametrize("lines", GAMES.values(), ids=GAMES)
def test_the_limit_holds(web: Web, lines: Headers) -> None:
    """Three times the limit, each request in another disguise: more than two windows let in."""
    real = a_visitor()

    found = statuses(web, reads(lines, 3 * MOST_READS, real))

    assert set(found) == {200, 429}
    assert found[:MOST_READS] == [200] * MOST_READS
    assert statuses(web, reads(lines, 1, a_visitor())) == [200]


def test_behind_cloudflare(mongo_uri: str) -> None:
    """As on Render: one header that the edge always sets, whatever stands in the usual one."""
    with served(mongo_uri, client_address_header="CF-Connecting-IP") as web:
        put_jobs(web.database)

        def lines(n: int, real: str) -> list[str]:
            return [
                forwarded(f"198.51.100.{n}, 192.0.2.{n}, 10.0.0.{n}"),
                f"CF-Connecting-IP: {real}",
            ]

        assert set(statuses(web, reads(lines, 3 * MOST_READS, a_visitor()))) == {200, 429}
        assert statuses(web, reads(lines, 1, a_visitor())) == [200]


def test_a_site_of_ipv6_is_one_visitor(web: Web) -> None:
    """A customer owns a /64 and may call from each of its addresses."""
    found = statuses(
        web, reads(lambda n, _real: [forwarded(f"2001:db8:7::{n:x}")], 3 * MOST_READS, "")
    )
    assert set(found) == {200, 429}


@pytest.mark.parametrize(
    "value", ["", ",", "unknown", "x" * 10_000, "[", "fe80::1%\xe9", "1" * 5000, "127.0.0.1"]
)
def test_what_says_nothing_is_answered(web: Web, value: str) -> None:
    """The proxy itself is counted then."""
    [found] = statuses(web, reads(lambda _n, _real: [forwarded(value)], 1, ""))
    assert found in {200, 429}


def test_forgeries_keep_nobody_else_out(web: Web) -> None:
    """Neither Stripe behind the very same address, nor a first forgery from another."""
    body, real = as_body(event(session(id="cs_live_flooded"))), a_visitor()

    def post(sign: bytes, lines: Sequence[str]) -> bytes:
        stripe = f"Stripe-Signature: {signature(sign, time.time())}"
        return request("/webhooks/stripe", [stripe, *lines], method="POST", body=body)

    flood = [
        post(b"forged", [forwarded(f"198.51.100.{n}, {real}")]) for n in range(3 * MOST_FORGERIES)
    ]
    assert set(statuses(web, flood)) == {400, 429}
    assert statuses(web, [post(body, [forwarded(real)])]) == [200]
    assert statuses(web, [post(b"forged", [forwarded(a_visitor())])]) == [400]


def test_guesses_keep_the_shop_in(web: Web) -> None:
    """Wrong tokens are limited under any disguise; the right one is not, even from there."""
    real = a_visitor()

    def ask(token: str, lines: Sequence[str]) -> bytes:
        return request("/admin/jobs", [f"Authorization: Bearer {token}", *lines])

    guesses = [
        ask(f"guess-{n}", [forwarded(f"198.51.100.{n}, {real}")]) for n in range(3 * MOST_GUESSES)
    ]
    assert set(statuses(web, guesses)) == {401, 429}
    assert statuses(web, [ask(TOKEN, [forwarded(real)])]) == [200]
    assert statuses(web, [ask("guess", [forwarded(a_visitor())])]) == [401]
