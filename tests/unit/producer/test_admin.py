"""The shop's own pages: closed, locked, open."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.figures import Performance
from domain.health import Status
from tests.builders import SESSION_ID
from tests.stripe_events import EMAIL, event, session
from tests.unit.producer.fakes import ADMIN_TOKEN, world

PAGES = ["/admin/model-performance", "/admin/jobs", "/metrics"]
BEARER = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


def day(model_id: str, on: date, **metrics: Any) -> Performance:
    return Performance(
        model_id=model_id, date=on, metrics=metrics, error_breakdown={"timeout_errors": 1}
    )


@pytest.mark.parametrize("path", PAGES)
async def test_closed_without_a_configured_token(path: str) -> None:
    """No token, no page: like any unknown path, whatever is sent."""
    async with world(admin_token=None).client() as client:
        answers = [await client.get(path, headers=headers) for headers in ({}, BEARER)]

    assert [(a.status_code, a.json()) for a in answers] == [(404, {"status": "not_found"})] * 2


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", f"Basic {ADMIN_TOKEN}", ADMIN_TOKEN, "Bearer \xe9"],
)
async def test_locked_without_the_token(path: str, authorization: str | None) -> None:
    """401 with the way in, and nothing of what is inside."""
    value = None if authorization is None else authorization.encode("latin-1")
    headers = [] if value is None else [(b"Authorization", value)]
    async with world().client() as client:
        answer = await client.get(path, headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"status": "unauthorized"})
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_guessing_is_slowed_down() -> None:
    """Wrong tokens are counted by address; the right one is not kept out by them."""
    async with world().client() as client:
        wrong = [(await client.get("/metrics")).status_code for _ in range(4)]
        right = await client.get("/metrics", headers=BEARER)

    assert (wrong, right.status_code) == ([401, 401, 401, 429], 200)


async def test_jobs() -> None:
    """Everything to find a job by, and nothing of the customer."""
    here = world()
    await here.deliver(event(session()))

    async with here.client() as client:
        found = await client.get("/admin/jobs?state=queued&limit=10", headers=BEARER)
        none = await client.get("/admin/jobs?state=parked", headers=BEARER)

    [job] = found.json()["jobs"]
    assert (job["id"], job["state"]) == (f"valuation:{SESSION_ID}", "queued")
    assert "answer" not in job
    assert EMAIL not in found.text
    assert none.json() == {"jobs": []}


@pytest.mark.parametrize(
    ("query", "field"),
    [("jobs?state=lost", "state"), ("jobs?limit=0", "limit"), ("model-performance?days=x", "days")],
)
async def test_nonsense_is_named_and_not_repeated(query: str, field: str) -> None:
    """422 with the field's name."""
    async with world().client() as client:
        answer = await client.get(f"/admin/{query}", headers=BEARER)

    assert (answer.status_code, answer.json()) == (422, {"status": "invalid", "fields": [field]})


async def test_model_performance() -> None:
    """Days as aggregated, sums per model, averages weighted by requests."""
    here = world()
    first, second = date(2026, 11, 18), date(2026, 11, 19)
    here.window.days = [
        day("b", first, total_requests=1, successful_requests=0, avg_response_time_ms=None),
        day(
            "a",
            second,
            total_requests=3,
            successful_requests=3,
            avg_response_time_ms=40.0,
            avg_user_rating=4.5,
            total_cost_usd=0.3,
        ),
        day(
            "a",
            first,
            total_requests=1,
            successful_requests=0,
            avg_response_time_ms=20.0,
            total_cost_usd=0.1,
        ),
    ]

    async with here.client() as client:
        answer = await client.get("/admin/model-performance?days=2", headers=BEARER)

    report = answer.json()
    a, b = report["models"]
    assert here.window.asked_since == datetime(2026, 11, 18, tzinfo=UTC)
    assert (report["days"], a["model_id"], b["model_id"]) == (2, "a", "b")
    assert (a["total_requests"], a["success_rate"], a["avg_response_time_ms"]) == (4, 0.75, 35.0)
    assert (a["total_cost_usd"], a["cost_per_request_usd"]) == (pytest.approx(0.4), 0.1)
    assert [d["date"] for d in a["daily"]] == ["2026-11-19", "2026-11-18"]
    assert a["daily"][0]["error_breakdown"] == {"timeout_errors": 1}
    assert (a["avg_user_rating"], b["avg_user_rating"]) == (4.5, None)
    assert (b["success_rate"], b["avg_response_time_ms"]) == (0.0, None)


async def test_mongodb_down() -> None:
    """503, as everywhere."""
    here = world()
    here.store.is_down = True

    async with here.client() as client:
        answer = await client.get("/admin/jobs", headers=BEARER)

    assert answer.status_code == 503


async def test_pages_are_documented() -> None:
    """The pages, their shapes and the way in stand in OpenAPI."""
    schema = (await world().get("/openapi.json")).json()

    assert {
        *PAGES,
        "/health/ready",
        "/health/detailed",
        "/health/openrouter",
        "/orders/{session_id}/feedback",
    } <= set(schema["paths"])
    assert schema["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert {"PerformanceReport", "JobList", "DetailedHealth", "OpenRouterHealth"} <= set(
        schema["components"]["schemas"]
    )
    assert set(schema["components"]["schemas"]["Status"]["enum"]) == {s.value for s in Status}
