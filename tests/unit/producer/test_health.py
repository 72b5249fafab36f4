"""Health over HTTP: alive, ready, and what the checks found."""

from datetime import timedelta

import pytest

from domain.answer import Tier
from domain.health import ComponentState, Sort, Status, Watched
from producer.gate import Gate
from producer.health import HealthDesk, openrouter_health
from tests.unit.producer.fakes import ADMIN_TOKEN, World, world

BEARER = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
DETAIL = "3 failures in a row: timeout"


def note(here: World, name: str, status: Status, tier: Tier | None = None) -> None:
    """Let the checks have found a component in a state just now."""
    sort, _, _ = name.partition(":")
    now = here.clock.now()
    watched = Watched(
        name=name,
        sort=Sort(sort) if tier else Sort.SERVICE,
        tier=tier,
        model="google/gemini" if tier else None,
    )
    here.window.states[name] = ComponentState(
        watched=watched, status=status, detail=DETAIL, since=now, checked_at=now, latency_ms=812
    )


def note_models(here: World, primary: Status, fallback: Status, direct: Status) -> None:
    note(here, "model:primary", primary, Tier.PRIMARY)
    note(here, "model:secondary", fallback, Tier.SECONDARY)
    note(here, "direct:openai", direct, Tier.EMERGENCY)


async def test_ready() -> None:
    """200 when MongoDB answers and the migrations are through."""
    response = await world().get("/health/ready")

    assert (response.status_code, response.json()) == (200, {"status": "ready", "missing": []})


@pytest.mark.parametrize(
    ("mongodb", "migrated", "missing"),
    [
        ("down", True, ["mongodb"]),
        ("up", False, ["migrations"]),
        ("down", False, ["mongodb", "migrations"]),
    ],
)
async def test_not_ready_names_what_is_missing(
    *, mongodb: str, migrated: bool, missing: list[str]
) -> None:
    """503 keeps the load balancer away, and a human reads why."""
    here = world()
    here.store.is_down = mongodb == "down"
    gate = Gate()
    if migrated:
        gate.open()

    readiness = await HealthDesk(here.window, here.window, gate, here.clock).readiness()

    assert readiness.missing == missing


async def test_not_ready_is_a_503() -> None:
    """The status code is what load balancers read."""
    here = world()
    here.store.is_down = True

    response = await here.get("/health/ready")

    assert (response.status_code, response.json()["missing"]) == (503, ["mongodb"])


async def test_strangers_see_names_and_states_only() -> None:
    """Which model is asked and how it failed is nobody else's business."""
    here = world()
    note_models(here, Status.UNHEALTHY, Status.HEALTHY, Status.DISABLED)

    answer = await here.get("/health/detailed")

    assert answer.json()["status"] == "degraded"
    assert answer.json()["components"] == [
        {"name": "direct:openai", "status": "disabled"},
        {"name": "model:primary", "status": "unhealthy"},
        {"name": "model:secondary", "status": "healthy"},
    ]


async def test_the_token_opens_the_details() -> None:
    """Model, reason, time and latency for whoever has to mend it."""
    here = world()
    note(here, "model:primary", Status.UNHEALTHY, Tier.PRIMARY)

    async with here.client() as client:
        [component] = (await client.get("/health/detailed", headers=BEARER)).json()["components"]

    assert component["detail"] == DETAIL
    assert (component["model"], component["latency_ms"]) == ("google/gemini", 812)


async def test_a_wrong_token_is_refused_rather_than_ignored() -> None:
    """Whoever shows one wants details, and should learn that it does not fit."""
    here = world()

    async with here.client() as client:
        refused = await client.get("/health/detailed", headers={"Authorization": "Bearer wrong"})

    assert refused.status_code == 401


async def test_without_mongodb_that_is_what_is_known() -> None:
    """The page answers, because this is when it is needed."""
    here = world()
    here.store.is_down = True

    answer = (await here.get("/health/detailed")).json()
    openrouter = (await here.get("/health/openrouter")).json()

    assert answer["components"] == [{"name": "mongodb", "status": "unhealthy"}]
    assert answer["status"] == "degraded"
    assert openrouter["status"] == "unknown"


@pytest.mark.parametrize(
    ("primary", "fallback", "direct", "status", "available"),
    [
        ("healthy", "healthy", "disabled", "healthy", True),
        ("unhealthy", "healthy", "disabled", "degraded", True),
        ("unhealthy", "unhealthy", "healthy", "unhealthy", True),
        ("unhealthy", "unhealthy", "disabled", "unhealthy", False),
        ("unknown", "unknown", "disabled", "unknown", True),
        ("disabled", "disabled", "healthy", "disabled", True),
    ],
)
async def test_openrouter(
    *, primary: str, fallback: str, direct: str, status: str, available: bool
) -> None:
    """The three tiers behind OpenRouter in one word, and whether there is a way around them."""
    here = world()
    note_models(here, Status(primary), Status(fallback), Status(direct))

    answer = (await here.get("/health/openrouter")).json()

    assert (answer["status"], answer["fallback_available"]) == (status, available)
    assert answer["models"] == [
        {"tier": "primary", "status": primary},
        {"tier": "secondary", "status": fallback},
    ]


async def test_when_the_checks_stop_nothing_is_known() -> None:
    """A dead clock must not leave a green light behind."""
    here = world()
    note_models(here, Status.HEALTHY, Status.HEALTHY, Status.HEALTHY)
    checked_at = here.clock.now()
    here.clock.advance(timedelta(minutes=6).total_seconds())

    answer = (await here.get("/health/openrouter")).json()

    assert answer["status"] == "unknown"
    assert answer["checked_at"] == checked_at.isoformat().replace("+00:00", "Z")


async def test_before_the_first_check() -> None:
    """Unknown, without an error."""
    answer = (await world().get("/health/openrouter")).json()

    assert (answer["status"], answer["checked_at"], answer["models"]) == ("unknown", None, [])


async def test_switched_off_by_the_settings() -> None:
    """USE_OPENROUTER=false is known before any check."""
    here = world()
    desk = HealthDesk(here.window, here.window, here.gate, here.clock, uses_openrouter=False)

    found = openrouter_health(await desk.report(), enabled=desk.uses_openrouter)

    assert found.status is Status.DISABLED
