"""OpenRouter with streaming, over real HTTP."""

import asyncio

import httpx
import pytest

from tests.integration.sandbox.asking import ask, events, streamed_text


async def test_a_good_stream_is_complete(http: httpx.AsyncClient) -> None:
    """Comments, reasoning, text, the finish twice, usage with the second, [DONE]."""
    response = await ask(http, stream=True)
    found = events(response)
    finishes = [event for event in found[:-1] if event["choices"][0]["finish_reason"]]

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.startswith(": OPENROUTER PROCESSING\n\n")
    assert "reasoning" in found[0]["choices"][0]["delta"]
    assert len(finishes) == 2
    assert finishes[1]["usage"]["cost"] > 0
    assert found[-1] == "[DONE]"


async def test_both_ways_give_the_same_text(http: httpx.AsyncClient) -> None:
    """Streaming changes the transport, not the answer."""
    whole = (await ask(http)).json()["choices"][0]["message"]["content"]

    assert streamed_text(events(await ask(http, stream=True))) == whole


async def test_usage_may_come_with_empty_choices(http: httpx.AsyncClient) -> None:
    """The documented form of the usage chunk."""
    usage_chunk = events(await ask(http, "stream_usage_empty_choices", stream=True))[-2]

    assert usage_chunk["choices"] == []
    assert usage_chunk["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("outcome", ["stream_error_first", "error_in_200"])
async def test_an_error_may_come_first(http: httpx.AsyncClient, outcome: str) -> None:
    """Status 200, and the first event is the error."""
    response = await ask(http, outcome, stream=True)
    (event,) = events(response)

    assert response.status_code == 200
    assert event["error"]["code"] == 502


async def test_an_error_may_come_midway(http: httpx.AsyncClient) -> None:
    """Partial text, then the error with finish_reason error, then the end."""
    found = events(await ask(http, "stream_error_mid", stream=True))

    assert streamed_text(found)
    assert found[-1]["error"]["code"] == 502
    assert found[-1]["choices"][0]["finish_reason"] == "error"


async def test_an_error_may_be_followed_by_a_normal_ending(http: httpx.AsyncClient) -> None:
    """The recorded form: finish_reason null with the error, usage and [DONE] after it."""
    found = events(await ask(http, "stream_error_mid_null_finish", stream=True))

    assert found[-3]["error"]["message"] == "Token limit reached"
    assert found[-3]["choices"][0]["finish_reason"] is None
    assert "usage" in found[-2]
    assert found[-1] == "[DONE]"


async def test_a_stream_may_just_end(http: httpx.AsyncClient) -> None:
    """Neither a finish reason nor [DONE]."""
    found = events(await ask(http, "stream_no_done", stream=True))

    assert streamed_text(found)
    assert all(event["choices"][0]["finish_reason"] is None for event in found)


async def test_only_the_terminator_may_be_missing(http: httpx.AsyncClient) -> None:
    """Complete, so acceptable."""
    found = events(await ask(http, "stream_no_done_after_finish", stream=True))

    assert "[DONE]" not in found
    assert found[-1]["choices"][0]["finish_reason"] == "stop"


async def test_reasoning_may_be_all_there_is(http: httpx.AsyncClient) -> None:
    """Reasoning deltas, then length."""
    found = events(await ask(http, "stream_reasoning_only_length", stream=True))

    assert streamed_text(found) == ""
    assert found[-2]["choices"][0]["finish_reason"] == "length"


async def test_a_small_limit_ends_in_reasoning_by_itself(http: httpx.AsyncClient) -> None:
    """No script needed: a reasoning model spends its limit."""
    found = events(await ask(http, stream=True, max_tokens=300))

    assert streamed_text(found) == ""
    assert found[-2]["usage"]["completion_tokens_details"]["reasoning_tokens"] == 300


@pytest.mark.parametrize("outcome", ["stream_stall", "stream_stall_comments", "slow_pads"])
async def test_a_stream_may_stall(http: httpx.AsyncClient, outcome: str) -> None:
    """Silence or comments only; nothing but a deadline ends it."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await ask(http, outcome, stream=True)


async def test_a_stream_may_be_torn(http: httpx.AsyncClient) -> None:
    """The connection dies inside an event."""
    with pytest.raises(httpx.TransportError):
        await ask(http, "reset_mid_json", stream=True)


async def test_refusals_are_not_streamed(http: httpx.AsyncClient) -> None:
    """Before the first token an error is ordinary JSON with its status."""
    response = await ask(http, "529", stream=True)

    assert response.status_code == 529
    assert response.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("outcome", ["null_choices", "empty_choices", "empty_stop"])
async def test_streams_without_text(http: httpx.AsyncClient, outcome: str) -> None:
    """Nothing readable arrives."""
    assert streamed_text(events(await ask(http, outcome, stream=True))) == ""
