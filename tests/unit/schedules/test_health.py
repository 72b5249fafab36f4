"""The check over a book in memory: passive first, paid questions rarely, news once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from domain.answer import Tier
from domain.errors import Unavailable
from domain.health import ComponentState, HealthReport, Sighting, Sort, Status, Thresholds, Watched
from ledger.leases import ChoreAge, Fault
from llm.failures import FailureKind, Unintelligible, Unreachable
from schedules.alerts import Alerts
from schedules.health import Component, HealthParts, Watch, check_health
from schedules.health_wiring import overdue
from tests.builders import NOW
from tests.fakes.clock import FakeClock

MODEL = Watched(name="model:primary", sort=Sort.MODEL, tier=Tier.PRIMARY, model="a/b")
REDIS = Watched(name="redis", sort=Sort.SERVICE)
IDLE = timedelta(hours=6)


class MemoryBook:
    """What `ledger.health.HealthBook` keeps, without MongoDB."""

    def __init__(self) -> None:
        self.states: dict[str, ComponentState] = {}
        self.reports: list[HealthReport] = []
        self.seen: list[Sighting] = []
        self.texts: list[str] = []

    async def recall(self) -> Mapping[str, ComponentState]:
        return self.states

    async def attempts(self, watched: Watched, since: datetime) -> Sequence[Sighting]:
        return [sighting for sighting in self.seen if watched.model and sighting.at >= since]

    async def keep(self, report: HealthReport) -> None:
        self.reports.append(report)
        self.states = {state.name: state for state in report.components}

    async def mark_told(self, name: str, *, before: Status | None, after: Status | None) -> bool:
        state = self.states[name]
        assert state.alerted is before
        self.states[name] = state.model_copy(update={"alerted": after})
        return True

    async def post(self, text: str) -> None:
        self.texts.append(text)


class Asked:
    """A component that answers as the test wants, and counts the questions."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.count = 0
        self.takes_s = 0.0
        self.complaint = ""
        self.failure: Exception | None = None

    async def __call__(self) -> str:
        self.count += 1
        self._clock.advance(self.takes_s)
        if self.failure is not None:
            raise self.failure
        return self.complaint


class Scene:
    """One watched component and everything around it."""

    def __init__(
        self, watched: Watched = MODEL, idle: timedelta | None = IDLE, *, costs: bool = True
    ) -> None:
        self.clock, self.book = FakeClock(), MemoryBook()
        self.ask = Asked(self.clock)
        self.direct_only = False
        self.parts = HealthParts(
            book=self.book,
            components=[Component(watched, self.ask, idle, costs=costs)],
            alerts=Alerts(self.book, self.book, shop="shop"),
            thresholds=Thresholds(),
            clock=self.clock,
            direct_only=self._direct_only,
        )

    async def check(self) -> ComponentState:
        [state] = (await check_health(self.parts)).components
        return state

    async def check_again(self, times: int, *, every: timedelta) -> ComponentState:
        state = await self.check()
        for _ in range(times):
            self.clock.advance(every.total_seconds())
            state = await self.check()
        return state

    def attempt(self, *, ok: bool = True, latency_ms: int = 50_000) -> None:
        self.book.seen.append(
            Sighting(
                at=self.clock.now(), ok=ok, latency_ms=latency_ms, note="" if ok else "timeout"
            )
        )

    async def _direct_only(self) -> bool:
        return self.direct_only


async def test_customers_tell_for_nothing() -> None:
    """As long as orders come, no question is paid for."""
    scene = Scene()
    for _ in range(20):
        scene.attempt()
        assert (await scene.check()).status is Status.HEALTHY
        scene.clock.advance(3600)

    assert scene.ask.count == 0


async def test_a_start_costs_nothing_and_idleness_little() -> None:
    """Unknown at first; one question after six hours, four in a day."""
    scene = Scene()

    assert (await scene.check()).status is Status.UNKNOWN
    assert scene.ask.count == 0
    state = await scene.check_again(25 * 12, every=timedelta(minutes=5))
    assert (state.status, scene.ask.count) == (Status.HEALTHY, 4)


async def test_questions_can_be_switched_off() -> None:
    """HEALTH_PING_AFTER_HOURS=0: what nobody orders nobody knows."""
    scene = Scene(idle=timedelta())

    state = await scene.check_again(48, every=timedelta(hours=1))

    assert (state.status, scene.ask.count) == (Status.UNKNOWN, 0)


async def test_free_questions_are_asked_at_once() -> None:
    """A bad key of an emergency stage shows at the first check."""
    scene = Scene(idle=timedelta(minutes=15), costs=False)
    scene.ask.failure = Unreachable(FailureKind.CONNECTION)

    state = await scene.check_again(15, every=timedelta(minutes=1))

    assert (state.status, scene.ask.count) == (Status.UNHEALTHY, 4)


async def test_a_sick_model_is_asked_until_it_is_well() -> None:
    """Three customers' failures, an alert, a question five minutes later, and the all-clear."""
    scene = Scene()
    for _ in range(3):
        scene.attempt(ok=False)
    assert (await scene.check()).status is Status.UNHEALTHY

    scene.ask.failure = Unreachable(FailureKind.TIMEOUT)
    assert (await scene.check_again(6, every=timedelta(minutes=1))).status is Status.UNHEALTHY
    assert scene.ask.count == 1
    scene.ask.failure = None
    assert (await scene.check_again(5, every=timedelta(minutes=1))).status is Status.HEALTHY

    assert scene.book.texts == [
        "shop: model:primary is unhealthy (3 failures in a row: timeout). Overall: unhealthy.",
        "shop: model:primary is healthy again. Overall: healthy.",
    ]


async def test_a_slow_probe_is_degraded() -> None:
    """Slower than the threshold, yet an answer."""
    scene = Scene()
    await scene.check()
    scene.clock.advance(IDLE.total_seconds())
    scene.ask.takes_s = 16.0

    state = await scene.check()

    assert (state.status, state.latency_ms) == (Status.DEGRADED, 16_000)


async def test_an_unreadable_answer_is_not_a_silent_model() -> None:
    """A model that answers nonsense to one word is up."""
    scene = Scene()
    await scene.check()
    scene.clock.advance(IDLE.total_seconds())
    scene.ask.failure = Unintelligible(FailureKind.EMPTY)

    assert (await scene.check()).status is Status.HEALTHY


async def test_a_server_must_fail_three_times() -> None:
    """One lost packet wakes nobody; three checks do, and say so once."""
    scene = Scene(REDIS, None)
    await scene.check()
    scene.ask.failure = ConnectionError("redis://user:secret@host")

    assert (await scene.check_again(1, every=timedelta(minutes=1))).status is Status.HEALTHY
    assert (await scene.check_again(5, every=timedelta(minutes=1))).status is Status.UNHEALTHY
    assert len(scene.book.texts) == 1
    assert "ConnectionError" in scene.book.texts[0]
    assert "secret" not in scene.book.texts[0]


async def test_a_complaint_is_a_failure() -> None:
    """A component may answer and still not be well."""
    scene = Scene(REDIS, None)
    scene.ask.complaint = "no worker is alive"

    state = await scene.check_again(2, every=timedelta(minutes=1))

    assert (state.status, state.detail) == (
        Status.UNHEALTHY,
        "3 failures in a row: no worker is alive",
    )


async def test_another_model_has_another_past() -> None:
    """A changed PRIMARY_MODEL does not inherit the questions put to the old one."""
    scene = Scene()
    for _ in range(3):
        scene.attempt(ok=False)
    await scene.check_again(10, every=timedelta(minutes=1))
    scene.book.seen.clear()
    changed = MODEL.model_copy(update={"model": "c/d"})
    parts = HealthParts(
        book=scene.book,
        components=[Component(changed, scene.ask, IDLE, costs=True)],
        alerts=scene.parts.alerts,
        thresholds=Thresholds(),
        clock=scene.clock,
        direct_only=scene.parts.direct_only,
    )

    [state] = (await check_health(parts)).components

    assert (state.status, state.seen_at) == (Status.UNKNOWN, None)


async def test_direct_only_takes_openrouter_off_the_board() -> None:
    """A human has decided; the alert is over and nothing is asked."""
    scene = Scene()
    for _ in range(3):
        scene.attempt(ok=False)
    await scene.check()
    scene.direct_only = True

    state = await scene.check_again(10, every=timedelta(minutes=1))

    assert (state.status, scene.ask.count) == (Status.DISABLED, 0)
    assert scene.book.texts[-1].startswith("shop: model:primary is disabled (not configured)")


class Checks:
    """A check that is answered as the test wants."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def __call__(self) -> str:
        if self.error is not None:
            raise self.error
        return "healthy"


async def test_mongodb_away_is_said_without_mongodb() -> None:
    """After the third miss, once, and once when it is back."""
    book, checks, clock = MemoryBook(), Checks(), FakeClock()
    watch = Watch(checks, alerts=Alerts(book, book, shop="shop"), clock=clock, patience=3)

    heard = []
    for error in [None, *[Unavailable("down")] * 5, None, None]:
        checks.error = error
        await watch.look()
        heard.append(len(book.texts))

    assert heard == [0, 0, 0, 1, 1, 1, 2, 2]
    assert book.texts[0] == "shop: mongodb is unhealthy (no answer). Overall: degraded."


async def test_a_faulty_check_does_not_end_the_watch() -> None:
    """It is logged by its type and tried again."""
    book, checks = MemoryBook(), Checks()
    checks.error = ValueError("something private")
    watch = Watch(checks, alerts=Alerts(book, book, shop="x"), clock=FakeClock(), patience=3)

    with capture_logs() as lines:
        await watch.look()

    assert [(line["event"], line["error"]) for line in lines] == [
        ("health_check_failed", "ValueError")
    ]


@pytest.mark.parametrize(
    ("age_s", "failed", "late"),
    [
        (0, False, False),
        (420, False, False),
        (421, False, True),
        (None, False, False),
        (None, True, True),
    ],
)
def test_overdue_chores_are_named(*, age_s: float | None, failed: bool, late: bool) -> None:
    """Two periods and five minutes are granted; what only ever failed is late at once."""
    fault = Fault(at=NOW, type="Unavailable") if failed else None
    chore = ChoreAge(
        _id="health", period_s=60, age_s=age_s, last_started=NOW, last_error=fault, runs=1
    )
    assert overdue([chore]) == ("overdue: health" if late else "")
