"""Stripe's lists, page by page, and all the ways they do not come."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from payments.reading import (
    API_VERSION,
    BETWEEN_S,
    MAX_BODY,
    CursorLost,
    KeyRefused,
    StripeAway,
    StripeReader,
)
from tests.builders import NOW
from tests.fakes.clock import FakeClock

KEY = "rk_test_c2VjcmV0"
Handler = Callable[[httpx.Request], httpx.Response]


class Stripe:
    """Answers as told, one after the other, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.clock = FakeClock()
        self.asked: list[httpx.Request] = []
        self.at: list[float] = []
        self._answers = list(answers)
        self.reader = StripeReader(
            httpx.AsyncClient(transport=httpx.MockTransport(self._answer)),
            base_url="https://stripe.test/",
            api_key=SecretStr(KEY),
            clock=self.clock,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.at.append(self.clock.monotonic())
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def listed(*items: Any, has_more: bool = False) -> httpx.Response:
    return httpx.Response(200, json={"object": "list", "data": items, "has_more": has_more})


def refused(status: int, **error: str) -> httpx.Response:
    return httpx.Response(status, json={"error": error})


async def test_sessions_are_asked_for_as_stripe_wants_it() -> None:
    """Complete ones, a hundred at once, from a second on, with key and pinned version."""
    stripe = Stripe(listed({"id": "cs_2"}, {"id": "cs_1"}, has_more=True))

    page = await stripe.reader.sessions(since=NOW, after="cs_3")

    assert (page.items, page.cursor) == ([{"id": "cs_2"}, {"id": "cs_1"}], "cs_1")
    assert dict(stripe.asked[0].url.params) == {
        "status": "complete",
        "created[gte]": str(int(NOW.timestamp())),
        "limit": "100",
        "starting_after": "cs_3",
    }
    assert stripe.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert stripe.asked[0].headers["stripe-version"] == API_VERSION


async def test_events_are_asked_for_by_type() -> None:
    """As an array, and undelivered ones only where that is wanted."""
    stripe = Stripe(listed())

    await stripe.reader.events(since=NOW, types=["refund.failed", "charge.refunded"])
    await stripe.reader.events(since=NOW, types=["refund.failed"], undelivered=True)

    assert stripe.asked[0].url.params.get_list("types[]") == ["charge.refunded", "refund.failed"]
    assert "delivery_success" not in stripe.asked[0].url.params
    assert stripe.asked[1].url.params["delivery_success"] == "false"


@pytest.mark.parametrize(
    ("items", "cursor"),
    [
        ([{"id": "cs_2"}, {"id": "cs_1"}], "cs_1"),
        ([{"id": "cs_2"}, {"id": None}], "cs_2"),
        ([{"id": "cs_2"}, "garbage", {}], "cs_2"),
    ],
)
async def test_dirt_at_the_end_of_a_page_does_not_end_the_list(
    items: list[Any], cursor: str
) -> None:
    """It comes again at the head of the next page."""
    page = await Stripe(listed(*items, has_more=True)).reader.sessions(since=NOW)

    assert page.cursor == cursor


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(503, text="<html>"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=["no", "object"]),
        httpx.Response(200, json={"data": "no list"}),
        httpx.Response(200, text="[" * 100_000),
        httpx.Response(200, content=b" " * (MAX_BODY + 1)),
        httpx.Response(302, headers={"location": "https://elsewhere.test"}),
        listed({}, has_more=True),
        refused(400, message="Received unknown parameter"),
        refused(404, message="Unrecognized request URL"),
    ],
    ids=lambda answer: f"{answer.status_code} {answer.content[:20]!r}",
)
async def test_what_is_no_list_is_an_outage(answer: httpx.Response) -> None:
    """The next run tries again; nobody is sent elsewhere with the key."""
    stripe = Stripe(answer)

    with pytest.raises(StripeAway):
        await stripe.reader.sessions(since=NOW)

    assert len(stripe.asked) == 1


@pytest.mark.parametrize("status", [400, 404])
async def test_a_cursor_that_is_gone(status: int) -> None:
    """Told apart from other faults in the request."""
    gone = refused(status, code="resource_missing", param="starting_after")

    with pytest.raises(CursorLost):
        await Stripe(gone).reader.events(since=NOW, types=["refund.failed"], after="evt_1")


NOT_ALLOWED = (
    f"The provided key '{KEY}' does not have the required permissions for this endpoint on account "
    "'acct_1'. Having the 'rak_event_read' permission would allow this request to continue."
)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused(401, message=f"Invalid API Key provided: {KEY}"), "new restricted key"),
        (refused(403, message=NOT_ALLOWED), r"Events: read \(rak_event_read\)"),
        (httpx.Response(403, text="<html>"), "Events: read"),
    ],
)
async def test_a_refused_key_says_what_is_missing(answer: httpx.Response, words: str) -> None:
    """And quotes nothing of the key, although Stripe does."""
    with pytest.raises(KeyRefused, match=words) as refusal:
        await Stripe(answer).reader.events(since=NOW, types=["refund.failed"])

    assert KEY not in str(refusal.value)


@pytest.mark.parametrize(
    ("hints", "waited_s"),
    [
        (["3"], 3),
        (["1", "2"], 3),
        ([None, None, None], 1 + 2 + 4),
        (["later", "-1"], 1 + 2),
        (["nan"], 1),
    ],
)
async def test_too_many_requests_are_waited_out(hints: list[str | None], waited_s: float) -> None:
    """As long as Stripe says, otherwise longer each time."""
    busy = [httpx.Response(429, headers={"retry-after": hint} if hint else {}) for hint in hints]
    stripe = Stripe(*busy, listed())

    await stripe.reader.sessions(since=NOW)

    assert stripe.clock.monotonic() == pytest.approx(waited_s, abs=0.1)


@pytest.mark.parametrize(("hint", "asked"), [("1", 4), ("31", 1), ("inf", 1)])
async def test_it_does_not_wait_for_ever(hint: str, asked: int) -> None:
    """A few tries, and no long sleep inside a run."""
    stripe = Stripe(httpx.Response(429, headers={"retry-after": hint}))

    with pytest.raises(StripeAway):
        await stripe.reader.sessions(since=NOW)

    assert len(stripe.asked) == asked


async def test_it_keeps_its_distance_from_stripes_limits() -> None:
    """Twenty requests a second of its own accord."""
    stripe = Stripe(listed())

    for _ in range(41):
        await stripe.reader.sessions(since=NOW)

    assert stripe.at[-1] == pytest.approx(40 * BETWEEN_S)


async def test_single_sessions() -> None:
    """None for what the key's mode does not have."""
    stripe = Stripe(httpx.Response(200, json={"id": "cs_1"}), httpx.Response(404, json={}))

    assert await stripe.reader.session("cs_1") == {"id": "cs_1"}
    assert await stripe.reader.session("cs/../2") is None
    assert stripe.asked[1].url.raw_path == b"/v1/checkout/sessions/cs%2F..%2F2"
