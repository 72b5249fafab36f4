"""Streams of events: the same answers and failures, in pieces."""

import contextlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.completion import Completion
from llm.failures import FailureKind, ModelFailure
from llm.stream import Assembly, EventLines
from tests.unit.llm.builders import DONE, NOW, USAGE, chunk, event

COMMENT = b": OPENROUTER PROCESSING\n\n"


def read(*chunks: bytes, limit: int = 10_000) -> Completion:
    lines, assembly = EventLines(limit), Assembly(headers={}, limit=limit)
    for piece in chunks:
        for data in lines.feed(piece):
            assembly.add(data, now=NOW)
    for data in lines.finish():
        assembly.add(data, now=NOW)
    return assembly.conclude()


ANSWER = (
    COMMENT
    + COMMENT
    + chunk("", delta={"reasoning": "Hm …"})
    + chunk("Schöne ")
    + COMMENT
    + chunk("Grüße 🐴")
    + chunk("", finish="stop")
    + chunk("", finish="stop", usage=USAGE)
    + DONE
)


def test_an_answer_is_put_together() -> None:
    """Comments, reasoning and the repeated finish leave the text alone; usage counts once."""
    completion = read(ANSWER)
    assert completion.text == "Schöne Grüße 🐴"
    assert completion.finish_reason == "stop"
    assert completion.receipt.tokens is not None
    assert completion.receipt.tokens.output == 500
    assert completion.receipt.provider == "Google"


@given(st.lists(st.integers(0, len(ANSWER)), max_size=12))
def test_it_does_not_matter_where_the_network_cuts(cuts: list[int]) -> None:
    """Even inside a character of several bytes."""
    bounds = [0, *sorted(cuts), len(ANSWER)]
    pieces = [ANSWER[a:b] for a, b in pairwise(bounds)]
    assert read(*pieces).text == "Schöne Grüße 🐴"


@pytest.mark.parametrize("newline", [b"\r\n", b"\r", b"\n"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_every_legal_newline_works(newline: bytes, size: int) -> None:
    """CR, LF and CR LF, also when the pair is torn apart."""
    raw = ANSWER.replace(b"\n", newline)
    assert read(*(raw[i : i + size] for i in range(0, len(raw), size))).text == "Schöne Grüße 🐴"


@pytest.mark.parametrize(
    "tail",
    [
        chunk("", finish="stop"),
        chunk("", finish="stop") + DONE,
        chunk("", finish="stop") + event({"choices": [], "usage": USAGE}) + DONE,
        chunk("", finish="stop") + b"data: [DONE]",
        DONE,
    ],
)
def test_a_finish_or_done_ends_an_answer(tail: bytes) -> None:
    """Either is enough, also without the last blank line."""
    assert read(chunk("Gut.") + tail).text == "Gut."


@pytest.mark.parametrize("event_after_done", [chunk("mehr"), event({"error": {"code": 500}})])
def test_nothing_counts_after_done(event_after_done: bytes) -> None:
    """The terminator ends the answer."""
    assert read(chunk("Gut.", finish="stop") + DONE + event_after_done).text == "Gut."


LATE_ERROR = {"code": 400, "message": "Token limit reached"}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "cut"),
        (COMMENT, "cut"),
        (chunk("Halb"), "cut"),
        (chunk("Halb") + b'data: {"choi', "cut"),
        (b"data: nonsense\n\n", "malformed"),
        (b"data: [1]\n\n", "malformed"),
        (chunk("", finish="stop") + DONE, "empty"),
        (chunk("", delta={"reasoning": "…"}) + chunk(None, finish="length") + DONE, "truncated"),
        (chunk("Halb", finish="length") + DONE, "truncated"),
        (chunk("Halb", finish="content_filter") + DONE, "filtered"),
        (chunk(None, delta={"refusal": "No."}) + chunk("", finish="stop") + DONE, "refusal"),
        (event({"error": {"code": 503, "message": "busy"}}), "overloaded"),
        (chunk("Halb") + chunk("", finish="error", error={"code": 502}), "server"),
        (chunk("Halb", finish="stop") + chunk("", error=LATE_ERROR) + DONE, "bad_request"),
        (chunk("Halb") + chunk("", error={"code": "server_error"}), "server"),
        (chunk("Halb") + chunk("", finish="error"), "server"),
    ],
)
def test_a_stream_that_is_no_answer_fails(raw: bytes, kind: str) -> None:
    """An error wins wherever it comes; a stream that just ends is a cut one."""
    with pytest.raises(ModelFailure) as caught:
        read(raw)
    assert caught.value.kind is FailureKind(kind)


def test_a_failed_stream_keeps_its_receipt() -> None:
    """Money was spent: who served it and how many tokens stays known."""
    with pytest.raises(ModelFailure) as caught:
        read(chunk("Halb") + chunk("", error=LATE_ERROR, usage=USAGE))
    receipt = caught.value.receipt
    assert receipt.provider == "Google"
    assert receipt.tokens is not None
    assert receipt.tokens.output == 500


@pytest.mark.parametrize(
    "flood",
    [
        [b"data: " + b"x" * 6000, b"x" * 6000],
        [b"data: " + b"x" * 600 + b"\n"] * 20,
        [b": comment\n\n" * 2000],
        [chunk("x" * 3000)] * 4,
        [chunk(None, delta={"refusal": "x" * 3000})] * 4,
    ],
)
def test_memory_is_bounded(flood: list[bytes]) -> None:
    """A line, an event, a text or a stream without end is given up on."""
    with pytest.raises(ModelFailure) as caught:
        read(*flood)
    assert caught.value.kind is FailureKind.TOO_LARGE


def test_the_whole_stream_is_bounded() -> None:
    """Small events for ever are no answer either."""
    lines = EventLines(limit=1000, total=5000)
    events = (data for _ in range(1000) for data in lines.feed(b"data: x\n\n"))
    with pytest.raises(ModelFailure):
        list(events)


@given(st.lists(st.binary(max_size=60) | st.just(b"\n\n") | st.just(b"data: "), max_size=20))
def test_any_bytes_are_an_answer_or_a_failure_of_ours(pieces: list[bytes]) -> None:
    """Nothing on the wire makes the reader raise anything else."""
    with pytest.raises(ModelFailure):
        read(*pieces)


CHOICES = st.dictionaries(
    st.sampled_from(["delta", "index", "finish_reason", "error"]),
    st.none() | st.text() | st.integers(),
)
PAYLOADS = st.dictionaries(
    st.sampled_from(["choices", "error", "usage", "id"]),
    st.none() | st.text() | st.lists(st.none() | CHOICES),
)


@given(PAYLOADS)
def test_any_chunk_is_taken_or_refused(payload: dict[str, Any]) -> None:
    """The same for JSON of any shape."""
    with contextlib.suppress(ModelFailure):
        assert read(event(payload), DONE).text.strip()
