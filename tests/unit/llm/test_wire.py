"""Bodies of a 200: answers, and everything that only looks like one."""

import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.completion import Completion
from llm.failures import FailureKind, ModelFailure
from llm.pricing import Tokens
from llm.wire import read_completion
from tests.unit.llm.builders import NOW, body, encoded

PAD = b"\n         \n"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
KNOWN_KEYS = st.sampled_from(
    [
        *("error", "choices", "message", "content", "usage", "cost", "code", "metadata"),
        *("raw", "model", "finish_reason", "prompt_tokens", "availability", "headers"),
        *("retry_after", "error_type"),
    ]
)
LIKELY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("error"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN_KEYS, inner, max_size=6),
    max_leaves=30,
)


def read(payload: object) -> Completion:
    return read_completion(encoded(payload), {}, NOW)


def failure_of(reading: Callable[[], object]) -> ModelFailure:
    with pytest.raises(ModelFailure) as caught:
        reading()
    return caught.value


def test_an_answer_is_read_with_its_receipt() -> None:
    """Text, finish, who served it, tokens and the cost as charged."""
    completion = read(body())
    receipt = completion.receipt

    assert (completion.text, completion.finish_reason) == ("Gut.", "stop")
    assert (receipt.model_served, receipt.provider) == ("google/gemini-2.5-pro", "Google")
    assert receipt.generation_id == "gen-1763631600-AbCdEfGhIjKlMnOpQrSt"
    assert receipt.tokens is not None
    assert (receipt.tokens.input, receipt.tokens.output) == (1000, 500)
    assert (receipt.tokens.reasoning, receipt.tokens.cached) == (300, 200)
    assert receipt.tokens.cost == Decimal("0.00625")


def test_leading_padding_is_no_obstacle() -> None:
    """White space sent while the model works does not belong to the body."""
    assert read_completion(PAD * 19 + encoded(body()), headers={}, now=NOW).text == "Gut."


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Grüße", "Grüße"),
        ([{"type": "text", "text": "Zwei "}, {"type": "text", "text": "Teile"}], "Zwei Teile"),
        (["Roh", {"type": "image_url", "image_url": {}}, None], "Roh"),
        ("Halbes Emoji \ud83d", "Halbes Emoji ?"),
    ],
)
def test_content_comes_as_a_string_or_as_parts(content: object, text: str) -> None:
    """Only text parts count, and the text can always be stored as UTF-8."""
    assert read(body(message={"content": content})).text == text


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"error": {"message": "Rate", "code": 429}, "choices": None}, "rate_limited", "429"),
        (
            {
                "id": None,
                "choices": None,
                "model": None,
                "provider": None,
                "error": {
                    "code": 524,
                    "message": "Provider returned error",
                    "metadata": {"raw": "error code: 524", "provider_name": "Google AI Studio"},
                },
            },
            "gateway_timeout",
            "524",
        ),
        ({"choices": None}, "empty", None),
        ({"choices": []}, "empty", None),
        (
            {
                "choice": {
                    "finish_reason": "error",
                    "error": {
                        "code": 502,
                        "message": "Upstream failed",
                        "metadata": {"error_type": "provider_overloaded"},
                    },
                }
            },
            "overloaded",
            "502",
        ),
        ({"choice": {"finish_reason": "error"}}, "server", None),
        ({"message": {"content": ""}}, "empty", None),
        ({"message": {"content": None}, "choice": {"finish_reason": None}}, "empty", None),
        ({"message": {"content": " \n"}}, "empty", None),
        ({"message": {"content": ""}, "choice": {"finish_reason": "length"}}, "truncated", None),
        ({"choice": {"finish_reason": "length"}}, "truncated", None),
        ({"choice": {"native_finish_reason": "MAX_TOKENS"}}, "truncated", None),
        ({"choice": {"finish_reason": "content_filter"}}, "filtered", None),
        ({"choice": {"native_finish_reason": "SAFETY"}}, "filtered", None),
        ({"message": {"refusal": "I cannot help with that."}}, "refusal", None),
        ({"error": {"code": "server_error", "message": "?"}}, "server", "server_error"),
        ({"error": {"code": None, "message": "?"}}, "server", None),
        ({"error": "just words"}, "server", None),
    ],
)
def test_failures_inside_a_200_are_found(
    changes: dict[str, Any], kind: str, code: str | None
) -> None:
    """Every shape a failed call has been seen in, whatever stands in front of it."""
    failure = failure_of(lambda: read(body(**changes)))
    assert (failure.kind, failure.code) == (FailureKind(kind), code)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", FailureKind.CUT),
        (PAD * 3, FailureKind.CUT),
        (PAD + b'{"id":"gen-1","choices":[{"mess', FailureKind.CUT),
        (b"<html>502 Bad Gateway</html>", FailureKind.MALFORMED),
        (b"[1, 2]", FailureKind.MALFORMED),
        (b"\xff\xfe\x00", FailureKind.MALFORMED),
        (b"[" * 100_000, FailureKind.MALFORMED),
        (b'{"n": ' + b"9" * 5000 + b"}", FailureKind.CUT),
    ],
)
def test_a_body_that_is_no_json_object_fails(raw: bytes, kind: FailureKind) -> None:
    """What begins like an answer was cut; anything else is noise."""
    assert failure_of(lambda: read_completion(raw, {}, NOW)).kind is kind


def test_a_text_without_a_finish_reason_passes() -> None:
    """The transport was complete; whether the text is, the judge of the text decides."""
    payload = body(choice={"finish_reason": None, "native_finish_reason": None})
    assert read(payload).finish_reason is None


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"prompt_tokens": 1, "cost": 1.06e-4}, Decimal("0.000106")),
        ({"prompt_tokens": 1, "cost": "0.5"}, Decimal("0.5")),
        ({"prompt_tokens": 1, "cost": 0}, Decimal(0)),
        ({"prompt_tokens": 1, "cost": None}, None),
        ({"prompt_tokens": 1}, None),
        ({"prompt_tokens": 1, "cost": -1}, None),
        ({"prompt_tokens": None, "completion_tokens_details": None, "cost": None}, None),
    ],
)
def test_cost_is_read_as_charged(usage: dict[str, Any], cost: Decimal | None) -> None:
    """Exponents, strings and zero are amounts; null and nonsense are not."""
    tokens = read(body(usage=usage)).receipt.tokens
    assert tokens is not None
    assert tokens.cost == cost


@pytest.mark.parametrize("usage", [None, {}, [], "many"])
def test_an_answer_without_usage_has_an_unknown_cost(usage: object) -> None:
    """Unknown is not free: the record will be marked as an estimate."""
    assert read(body(usage=usage)).receipt.tokens == Tokens(cost=None)


@given(JSON | LIKELY)
def test_any_json_is_an_answer_or_a_failure_of_ours(payload: object) -> None:
    """Nothing a server can say makes the parser raise anything else."""
    with contextlib.suppress(ModelFailure):
        assert read(payload).text.strip()


@given(st.binary())
def test_any_bytes_are_an_answer_or_a_failure_of_ours(raw: bytes) -> None:
    """The same for bodies that are no JSON at all."""
    with pytest.raises(ModelFailure):
        read_completion(raw, {}, NOW)
