"""Who is told what, and how often."""

import json

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from domain.health import ComponentState, HealthReport, Sort, Status, Watched
from schedules.alerts import Alerts, Webhook
from tests.builders import NOW
from tests.fakes.clock import FakeClock

URL = SecretStr("https://hooks.example/T0/secret-part")


class Told:
    """A book in which a change may be taken by somebody else first."""

    def __init__(self, *, taken: bool = False) -> None:
        self.taken = taken
        self.marks: list[tuple[str, Status | None, Status | None]] = []

    async def mark_told(self, name: str, *, before: Status | None, after: Status | None) -> bool:
        self.marks.append((name, before, after))
        return not self.taken


class Heard:
    def __init__(self) -> None:
        self.texts: list[str] = []

    async def post(self, text: str) -> None:
        self.texts.append(text)


def report(status: Status, alerted: Status | None, detail: str = "") -> HealthReport:
    watched = Watched(name="model:primary", sort=Sort.MODEL)
    state = ComponentState(
        watched=watched, status=status, since=NOW, checked_at=NOW, detail=detail, alerted=alerted
    )
    return HealthReport(status=Status.DEGRADED, checked_at=NOW, components=(state,))


async def test_a_change_is_told_with_its_reason() -> None:
    """One line for machines and one sentence for people."""
    told, heard = Told(), Heard()

    with capture_logs() as lines:
        await Alerts(told, heard, shop="shop").tell(report(Status.UNHEALTHY, None, "3 failures"))

    assert told.marks == [("model:primary", None, Status.UNHEALTHY)]
    assert heard.texts == ["shop: model:primary is unhealthy (3 failures). Overall: degraded."]
    assert [(line["event"], line["component"]) for line in lines] == [
        ("alert_raised", "model:primary")
    ]


async def test_the_end_is_told_too() -> None:
    """Whoever was woken may sleep again."""
    heard = Heard()

    with capture_logs() as lines:
        await Alerts(Told(), heard, shop="shop").tell(report(Status.HEALTHY, Status.UNHEALTHY))

    assert heard.texts == ["shop: model:primary is healthy again. Overall: degraded."]
    assert [line["event"] for line in lines] == ["alert_cleared"]


@pytest.mark.parametrize(
    ("taken", "status", "alerted"),
    [
        (True, Status.UNHEALTHY, None),
        (False, Status.UNHEALTHY, Status.UNHEALTHY),
        (False, Status.HEALTHY, None),
        (False, Status.UNKNOWN, Status.UNHEALTHY),
    ],
)
async def test_nobody_is_told_twice(*, taken: bool, status: Status, alerted: Status | None) -> None:
    """Neither what another process took nor what is no news."""
    heard = Heard()

    with capture_logs() as lines:
        await Alerts(Told(taken=taken), heard, shop="shop").tell(report(status, alerted))

    assert (heard.texts, lines) == ([], [])


async def post(answers: list[int | Exception], url: SecretStr | None = URL) -> list[str]:
    """Post through a webhook that answers like this; return the bodies that arrived."""
    left, bodies = list(answers), list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content.decode())
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        await Webhook(client, url, FakeClock()).post("it broke")
    return bodies


async def test_the_message_is_slacks() -> None:
    """`{"text": …}` is what Slack, Mattermost, Rocket.Chat and others take."""
    assert [json.loads(body) for body in await post([200])] == [{"text": "it broke"}]


@pytest.mark.parametrize(
    ("answers", "calls", "given_up"),
    [
        ([500, 204], 2, False),
        ([httpx.ConnectTimeout("x"), 429, 200], 3, False),
        ([500, 500, 500], 3, True),
        ([httpx.ConnectError("x")] * 3, 3, True),
    ],
)
async def test_a_message_is_tried_three_times(
    *, answers: list[int | Exception], calls: int, given_up: bool
) -> None:
    """Then the log says that nobody was reached, without the secret address."""
    with capture_logs() as lines:
        assert len(await post(answers)) == calls

    assert [line["event"] for line in lines] == (["alert_not_sent"] if given_up else [])
    assert "secret-part" not in str(lines)


async def test_without_an_address_nobody_is_written_to() -> None:
    """The webhook is optional; the log line is not."""
    assert await post([], url=None) == []
