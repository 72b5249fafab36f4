"""What reaches the socket of a real web process from people who mean no good, or cannot HTTP."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.body import MAX_BODY
from tests.integration.producer.web import Web, put_jobs, running_web, session_of
from tests.stripe_events import EMAIL, event, session
from tests.stripe_signing import as_body, signature

pytestmark = pytest.mark.timeout(300)

DOCUMENTED = {200, 400, 408, 413, 429, 503}


@pytest.fixture(scope="module")
def web(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running_web(mongo_uri, tmp_path_factory.mktemp("web")) as web:
        put_jobs(web.database)
        yield web
        assert web.process.poll() is None
        assert "request_crashed" not in web.log.read_text()
        assert EMAIL not in web.log.read_text()


def talk(web: Web, data: bytes, *, half_close: bool = False, seconds: float = 20.0) -> bytes:
    """Send bytes and return what comes until the other side hangs up or says no more.

    Who hangs up on what it has not read resets the line; what it said before arrives all the same.
    """
    received = b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=seconds) as line:
        with suppress(ConnectionError):
            line.sendall(data)
            if half_close:
                line.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while chunk := line.recv(65536):
                received += chunk
    return received


def request(path: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def webhook(*headers: str, body: bytes = b"", sign: bytes | None = None) -> bytes:
    stripe = f"Stripe-Signature: {signature(body if sign is None else sign, time.time())}"
    return request("/webhooks/stripe", stripe, *headers, method="POST", body=body)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


BODY = as_body(event(session(id="cs_live_hostile")))


def chunked(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_a_chunked_body(web: Web) -> None:
    """Without Content-Length, signed over what the chunks hold."""
    answer = talk(web, webhook("Transfer-Encoding: chunked", body=chunked(BODY), sign=BODY))
    assert status(answer) == 200


@pytest.mark.parametrize(("size", "expected"), [(MAX_BODY, 400), (MAX_BODY + 1, 413)])
def test_the_limit(web: Web, size: int, expected: int) -> None:
    """Exactly the limit is read (and is no event); one byte more is not, however it comes."""
    body = b" " * size
    length = f"Content-Length: {size}"
    assert status(talk(web, webhook(length, body=body))) == expected
    encoded = webhook("Transfer-Encoding: chunked", body=chunked(body, 50_000), sign=body)
    assert status(talk(web, encoded)) == expected


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (webhook("Content-Length: 5", body=BODY), {400}),
        (webhook("Content-Length: -1", body=BODY), {400}),
        (webhook("Content-Length: x", body=BODY), {400}),
        (webhook("Content-Length: 3", "Content-Length: 4", body=BODY), {400}),
        (webhook("Content-Length: 10", "Transfer-Encoding: chunked", body=chunked(BODY)), {400}),
        (webhook("Transfer-Encoding: gzip", body=BODY), {400, 501}),
        (webhook("Transfer-Encoding: chunked", body=b"zz\r\n"), {400}),
        (request("/health", "Content-Length: 0", "X: " + "x" * 100_000), {200, 400, 431}),
        (request("/health" + "x" * 100_000), {400, 404, 414}),
        (request("/health\x00"), {400, 404}),
        (request("/orders/..%2f..%2fadmin"), {404}),
        (request("/orders/cs_live_%00"), {404}),
        (request("/orders/cs_live_" + "x" * 5000), {404}),
        (request("/orders/%ff%fe"), {404}),
        (request("//orders//x"), {404}),
        (request("/admin/jobs"), {401}),
        (request("/admin/jobs", "Authorization: Bearer \xff\xfe"), {401}),
        (request("/health", method="FROB"), {400, 405}),
        (request("/orders/cs_live_parked", method="DELETE"), {405}),
        (request("/orders/cs_live_parked", method="HEAD"), {405}),
        (request("/webhooks/stripe"), {405}),
        (request("/health", method="OPTIONS"), {405}),
        (b"\x16\x03\x01\x02\x00\x01", {400}),
        (b"GET / HTTP/9.9\r\n\r\n", {400, 404, 505}),
        (b"\r\n\r\n\r\nnonsense\r\n\r\n", {400}),
    ],
    ids=range(25),
)
def test_broken_requests(web: Web, sent: bytes, statuses: set[int]) -> None:
    """Each gets a refusal, and what lies behind a lying length is no second request."""
    answer = talk(web, sent, half_close=True)

    assert status(answer) in statuses
    assert answer.count(b"HTTP/1.1 ") == 1


def test_pipelining(web: Web) -> None:
    """Two requests at once are answered one after the other."""
    first = b"GET /health HTTP/1.1\r\nHost: shop\r\n\r\n"
    assert talk(web, first + request("/health")).count(b"HTTP/1.1 200") == 2


def test_a_compressed_body(web: Web) -> None:
    """Nothing is unpacked: what is signed and compressed is no JSON."""
    packed = gzip.compress(BODY)
    answer = web.deliver(packed, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 400


HEADERS = [
    "t={t},v1={v1} ", "t={t},v1={v1},v1=00", "t={t},v1=00,v1={v1}", "t={t},t=1,v1={v1}",
    "t=1,t={t},v1={v1}", "t={t},v0={v1}", "t={t},V1={v1}", "t=-{t},v1={v1}", "t=+{t},v1={v1}",
    "t={t}.0,v1={v1}", "t=0x10,v1={v1}", "t=1e9,v1={v1}", "t={t},v1={v1}\xe9", "t=\xb2,v1={v1}",
    "t=" + "9" * 5000 + ",v1={v1}", ",,,,", "=", "t={t};v1={v1}", "x" * 1900,
]  # fmt: skip


@pytest.mark.parametrize("form", HEADERS, ids=range(len(HEADERS)))
def test_strange_signatures(web: Web, form: str) -> None:
    """Let in only where one v1 matches; never a crash."""
    at = int(time.time())
    mac = signature(BODY, at).rpartition("=")[2]
    header = "Stripe-Signature: " + form.format(t=at, v1=mac)
    length = f"Content-Length: {len(BODY)}"
    sent = request("/webhooks/stripe", header, length, method="POST", body=BODY)
    assert status(talk(web, sent)) in {200, 400, 429}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
RAW = st.sampled_from(
    [
        b"", b"null", b"[]", b'"x"', b"1", b"NaN", b"{}", b"\xff\xfe", b"\xef\xbb\xbf{}",
        b"[" * 200_000, b'{"a":' * 50_000, b'{"object":"event","object":7}', b'"\\ud800"',
        b'{"id":"\\ud800","object":"event","type":"checkout.session.completed","data":{"object":{}}}',
        b"1" * 200_000, b'{"created":' + b"9" * 5000 + b"}", b'{"created":1e999}',
    ]
) | st.binary(max_size=50)  # fmt: skip


@given(body=RAW | JSON.map(lambda value: json.dumps(value).encode()))
def test_nonsense_is_no_event(web: Web, body: bytes) -> None:
    """Signed all the same: a documented refusal, and never a job."""
    before = web.database.jobs.count_documents({})
    # What is no text cannot be signed: many of them in a row are limited like forgeries.
    assert web.deliver(body).status_code in {400, 429}
    assert web.database.jobs.count_documents({}) == before


PLACES = [
    ("created",), ("livemode",), ("api_version",), ("pending_webhooks",), ("request",),
    ("account",),     ("data", "previous_attributes"), ("data", "object", "customer_details"),
    ("data", "object", "total_details"), ("data", "object", "payment_link"),
    ("data", "object", "customer"), ("data", "object", "presentment_details"),
    ("data", "object", "currency"), ("data", "object", "amount_total"),
    ("data", "object", "payment_intent"), ("data", "object", "metadata"),
    ("data", "object", "mode"), ("data", "object", "amount_subtotal"), ("type",), ("id",),
    ("data", "object", "id"), ("data", "object"), ("data",), ("object",),
    ("data", "object", "payment_status"), ("data", "object", "status"),
]  # fmt: skip
HARMLESS = set(PLACES[1:10]) | {("data", "object", "presentment_details")}
numbers = iter(range(10**9))


@given(place=st.sampled_from(PLACES), value=JSON | st.integers(-(10**30), 10**30))
def test_mutated_events(web: Web, place: tuple[str, ...], value: object) -> None:
    """Documented answers only; what has nothing to do with the order loses no paid session."""
    name = f"cs_live_mutated{next(numbers)}"
    raw = event(session(id=name))
    inner = raw
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value

    answer = web.deliver(json.dumps(raw).encode())

    assert answer.status_code in DOCUMENTED - {503}
    if place in HARMLESS:
        assert answer.status_code == 200
        assert web.database.jobs.count_documents({"session_id": name}) == 1


def test_slow_senders_block_nobody(web: Web) -> None:
    """200 lines that send nothing, halves of headers, and a body that drips: all others go on."""
    lines = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(200)]
    for line in lines[:100]:
        line.sendall(b"POST /webhooks/stripe HTTP/1.1\r\nHost: shop\r\nX: ")
    try:
        assert httpx.get(f"{web.url}/health", timeout=5).status_code == 200
        assert web.deliver(event(session(id="cs_live_meanwhile"))).status_code == 200
    finally:
        for line in lines:
            line.close()


def test_headers_that_drip(web: Web) -> None:
    """Whoever never comes to the end of a request is hung up on, before and after an answer."""
    silent = socket.create_connection(("127.0.0.1", web.port), timeout=30)
    again = socket.create_connection(("127.0.0.1", web.port), timeout=30)
    again.sendall(b"GET /health HTTP/1.1\r\nHost: shop\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}"):  # headers and body may come apart
        answer += again.recv(65536)
    assert status(answer) == 200
    again.sendall(b"GET /hea")
    with silent, again:
        for _ in range(3):
            time.sleep(1)
            again.sendall(b"x")
        assert silent.recv(1) == b""
        assert again.recv(1) == b""


def test_a_body_that_drips(web: Web) -> None:
    """A sender that stays below any pace is told so after ten seconds."""
    head = webhook("Content-Length: 1000", sign=b"")
    with socket.create_connection(("127.0.0.1", web.port), timeout=30) as line:
        line.sendall(head)
        assert status(line.recv(65536)) == 408


def test_a_stream_that_nobody_reads(web: Web) -> None:
    """The reader goes without a word; the stream ends and others are served."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", web.port)) as line:
            line.sendall(request(f"/orders/{session_of('queued')}/events"))
            assert status(line.recv(100)) == 200
    assert httpx.get(f"{web.url}/health", timeout=5).status_code == 200
