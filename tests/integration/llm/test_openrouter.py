"""OpenRouter over real connections, most of them bad ones."""

import asyncio
from datetime import date

import httpx
import pytest
import structlog
from pydantic import SecretStr

from llm.completion import Call
from llm.failures import FailureKind, ModelFailure, Refused, Unintelligible, Unreachable
from llm.openrouter import STALL_S, OpenRouter
from llm.probe import probe
from tests.integration.llm.conftest import RealClock
from tests.integration.llm.wire_server import (
    END,
    GENERATION,
    PAD,
    STREAM,
    Line,
    Script,
    WireServer,
    head,
    piece,
    reply,
    wire_server,
)
from tests.unit.llm.builders import DONE, PROMPT, USAGE, body, call, chunk, encoded, spec

KEY = "sk-or-v1-0123456789abcdef"
COMMENT = b": OPENROUTER PROCESSING\n\n"
ANSWER = COMMENT + chunk("Schöne ") + chunk("Grüße", finish="stop") + chunk("", usage=USAGE) + DONE


class Bell:
    def __init__(self) -> None:
        self.rung = 0

    async def ring(self) -> None:
        self.rung += 1


def openrouter(
    client: httpx.AsyncClient, server: WireServer, stall_s: float = STALL_S
) -> OpenRouter:
    return OpenRouter(
        client,
        base_url=f"{server.url}/api/v1",
        api_key=SecretStr(KEY),
        clock=RealClock(),
        stall_s=stall_s,
    )


async def failure_of(
    client: httpx.AsyncClient,
    *scripts: Script,
    stall_s: float = STALL_S,
    **call_with: float,
) -> ModelFailure:
    async with wire_server(*scripts) as server:
        caller = openrouter(client, server, stall_s)
        with pytest.raises(ModelFailure) as caught:
            await caller.complete(call(**call_with))
        return caught.value


async def test_a_streamed_answer(client: httpx.AsyncClient) -> None:
    """Text, usage and the first-token bell; the request names the shop and hides the order."""
    bell = Bell()
    async with wire_server(reply(ANSWER, kind=STREAM)) as server:
        completion = await openrouter(client, server).complete(call(on_first_token=bell.ring))
    request = server.requests[0]

    assert completion.text == "Schöne Grüße"
    assert completion.receipt.generation_id == GENERATION
    assert bell.rung == 1
    assert request.path == "/api/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["x-openrouter-title"] == "PferdeWert KI-Bewertung"
    assert request.headers["http-referer"] == "https://pferdewert.de"
    assert request.json["stream"] is True


async def test_an_answer_in_one_piece_after_padding(client: httpx.AsyncClient) -> None:
    """A server that does not stream is understood as well."""

    async def script(line: Line) -> None:
        await line.say(head(), piece(PAD), piece(PAD))
        await line.say(piece(encoded(body())), END)

    bell = Bell()
    async with wire_server(script) as server:
        completion = await openrouter(client, server).complete(call(on_first_token=bell.ring))
    assert (completion.text, bell.rung) == ("Gut.", 1)


async def test_nobody_listens(client: httpx.AsyncClient) -> None:
    """A refused connection never reached anybody."""
    async with wire_server(reply(ANSWER)) as server:
        pass
    with pytest.raises(Unreachable) as caught:
        await openrouter(client, server).complete(call())
    assert caught.value.kind is FailureKind.CONNECTION


async def reset_at_once(line: Line) -> None:
    line.reset()


async def garbage(line: Line) -> None:
    await line.say(b"\x16\x03\x01 this is no HTTP\r\n\r\n")


@pytest.mark.parametrize("script", [reset_at_once, garbage])
async def test_no_reply_at_all(client: httpx.AsyncClient, script: Script) -> None:
    """Reset before the head, or something that is no HTTP."""
    failure = await failure_of(client, script)
    assert isinstance(failure, Unreachable)
    assert failure.kind is FailureKind.CONNECTION


def broken_off(*said: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.say(*said)

    return script


@pytest.mark.parametrize(
    "said",
    [
        (head(), piece(PAD)),
        (head(), piece(encoded(body())[:60])),
        (head(), piece(encoded(body())[:60]), END),
        (head(kind=STREAM), piece(COMMENT)),
        (head(kind=STREAM), piece(chunk("Halb"))),
        (head(kind=STREAM), piece(chunk("Halb")), END),
        (head(kind=STREAM), b"ffff\r\n" + chunk("Halb")),
    ],
)
async def test_a_body_that_breaks_off(client: httpx.AsyncClient, said: tuple[bytes, ...]) -> None:
    """After padding, in the JSON or in the stream: reached, but not understood."""
    failure = await failure_of(client, broken_off(*said))
    assert isinstance(failure, Unintelligible)
    assert failure.kind is FailureKind.CUT
    assert failure.receipt.generation_id == GENERATION


async def test_a_reset_in_mid_answer_keeps_what_is_known(client: httpx.AsyncClient) -> None:
    """Who served it is on record although the answer is lost."""

    async def script(line: Line) -> None:
        await line.say(head(kind=STREAM), piece(chunk("Halb")))
        await asyncio.sleep(0.05)
        line.reset()

    failure = await failure_of(client, script)
    assert failure.kind is FailureKind.CUT
    assert failure.receipt.provider == "Google"


async def silence(line: Line) -> None:
    await line.until_hung_up()


def silence_after(*said: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.say(*said)
        await line.until_hung_up()

    return script


def endless(*said: bytes, drip: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.say(*said)
        while True:
            await line.say(piece(drip))
            await asyncio.sleep(0.02)

    return script


@pytest.mark.parametrize(
    "script",
    [
        silence,
        silence_after(head()),
        silence_after(head(kind=STREAM), piece(chunk("Halb"))),
        endless(head(), drip=PAD),
        endless(head(kind=STREAM), drip=COMMENT),
        endless(head(kind=STREAM), drip=chunk("", delta={"reasoning": "Hm."})),
    ],
)
async def test_the_deadline_is_total(client: httpx.AsyncClient, script: Script) -> None:
    """Neither silence nor drips outlast it, and the connection is hung up."""
    async with wire_server(script) as server:
        with pytest.raises(Unreachable) as caught:
            await openrouter(client, server).complete(call(deadline_s=0.3))
        await server.hung_up.wait()
    assert caught.value.kind is FailureKind.TIMEOUT


async def test_a_timeout_remembers_the_generation(client: httpx.AsyncClient) -> None:
    """The id came with the head; the call may be billed."""
    failure = await failure_of(client, silence_after(head()), deadline_s=0.3)
    assert failure.receipt.generation_id == GENERATION


@pytest.mark.parametrize(
    "script",
    [
        silence_after(head(kind=STREAM), piece(chunk("Halb"))),
        endless(head(kind=STREAM), piece(chunk("Halb")), drip=COMMENT),
    ],
)
async def test_a_stalled_stream_is_given_up_on(client: httpx.AsyncClient, script: Script) -> None:
    """Half an answer, then no bytes at all, or keep-alive comments and nothing else."""
    failure = await failure_of(client, script, stall_s=0.2, deadline_s=30)
    assert failure.kind is FailureKind.STALLED


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (reply(b"<html>Bad gateway</html>", 502, "text/html"), FailureKind.SERVER),
        (reply(b"", 524), FailureKind.GATEWAY_TIMEOUT),
        (reply(encoded({"error": {"code": 404, "message": "gone"}}), 404), FailureKind.NOT_FOUND),
        (reply(encoded({"error": {"code": 503, "message": "x"}}), 200), FailureKind.OVERLOADED),
        (reply(b"<html>Hello</html>", 200, "text/html"), FailureKind.MALFORMED),
        (reply(b"", 302, Location="http://127.0.0.1:1/"), FailureKind.BAD_REQUEST),
        (reply(b" " * (5 * 1024 * 1024)), FailureKind.TOO_LARGE),
        (reply(b"data: " + b"x" * (5 * 1024 * 1024), 200, STREAM), FailureKind.TOO_LARGE),
    ],
)
async def test_replies_that_are_no_answer(
    client: httpx.AsyncClient, script: Script, kind: FailureKind
) -> None:
    """With a status of their own, inside a 200, as a page, or without end."""
    assert (await failure_of(client, script)).kind is kind


async def test_a_hint_is_read_from_the_head(client: httpx.AsyncClient) -> None:
    """Retry-After in seconds."""
    limited = reply(encoded({"error": {"code": 429, "message": "x"}}), 429, Retry_After="7")
    assert (await failure_of(client, limited)).retry_after_s == 7.0


async def test_a_refused_key_is_verified_once(client: httpx.AsyncClient) -> None:
    """One look at /key tells an outage from a bad key; a storm of 401 does not repeat it."""
    denied = reply(encoded({"error": {"code": 401, "message": f"No auth: {KEY}"}}), 401)
    valid = reply(encoded({"data": {"label": "shop"}}))
    async with wire_server(denied, valid, denied) as server:
        caller = openrouter(client, server)
        with structlog.testing.capture_logs() as logs:
            failures = [await refusal_of(caller) for _ in range(2)]
    paths = [request.path for request in server.requests]
    assert paths == ["/api/v1/chat/completions", "/api/v1/key", "/api/v1/chat/completions"]
    assert [entry["key"] for entry in logs] == ["valid"]
    for failure in failures:
        assert failure.kind is FailureKind.UNAUTHORIZED
        assert KEY not in f"{logs} {failure!r} {failure.message}"


async def refusal_of(caller: OpenRouter) -> Refused:
    with pytest.raises(Refused) as caught:
        await caller.complete(call())
    return caught.value


async def test_a_hanging_key_check_does_not_hide_the_refusal(client: httpx.AsyncClient) -> None:
    """The order goes on to the emergency stage within the deadline."""
    denied = reply(encoded({"error": {"code": 401, "message": "no"}}), 401)
    failure = await failure_of(client, denied, silence, deadline_s=1.0)
    assert failure.kind is FailureKind.UNAUTHORIZED


async def test_a_prompt_is_not_quoted(client: httpx.AsyncClient) -> None:
    """A provider that echoes the customer's words does not get them into our records."""
    message = f"invalid prompt: {PROMPT.user}"
    echo = reply(encoded({"error": {"code": 400, "message": message}}), 400)
    failure = await failure_of(client, echo)
    assert failure.message == "invalid prompt: [prompt]"


async def test_cancellation_closes_the_connection(client: httpx.AsyncClient) -> None:
    """Where the provider supports it, that stops the billing."""
    async with wire_server(silence_after(head(kind=STREAM), piece(chunk("Halb")))) as server:
        bell = asyncio.Event()

        async def ring() -> None:
            bell.set()

        asking: Call = call(on_first_token=ring, deadline_s=30)
        task = asyncio.create_task(openrouter(client, server).complete(asking))
        await bell.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.hung_up.wait()


async def test_a_watchers_own_timeout_is_not_the_models(client: httpx.AsyncClient) -> None:
    """A TimeoutError that is not ours passes as it is."""

    async def slow_ledger() -> None:
        raise TimeoutError

    async with wire_server(reply(ANSWER, kind=STREAM)) as server:
        with pytest.raises(TimeoutError):
            await openrouter(client, server).complete(call(on_first_token=slow_ledger))


async def test_the_list_of_models_is_fetched(client: httpx.AsyncClient) -> None:
    """Half a megabyte of it is no problem; what cannot be read is left out."""
    entries = [{"id": "a/b", "expiration_date": "2026-12-01"}, {"name": "x" * 600_000}, 7]
    async with wire_server(reply(encoded({"data": entries}))) as server:
        models = await openrouter(client, server).fetch_models()
    assert [(model.id, model.expires) for model in models] == [("a/b", date(2026, 12, 1))]


async def test_a_list_that_cannot_be_fetched_is_a_failure_of_ours(
    client: httpx.AsyncClient,
) -> None:
    """Whoever checks slugs can shrug it off."""
    async with wire_server(reply(b"<html>", 503, "text/html")) as server:
        with pytest.raises(ModelFailure):
            await openrouter(client, server).fetch_models()


async def test_a_probe_leaves_room_to_think(client: httpx.AsyncClient) -> None:
    """A reasoning model cannot say a word within five tokens."""
    async with wire_server(reply(ANSWER, kind=STREAM)) as server:
        await probe(openrouter(client, server), spec(reasoning_budget=4096))
    sent = server.requests[0].json
    assert sent["max_tokens"] - sent["reasoning"]["max_tokens"] >= 1000
    assert sent["max_tokens"] <= 2048
