"""Stripe's read API over real HTTP, with the vendor's own client and without."""

import asyncio

import httpx
import pytest
import stripe

from sandbox.client import SandboxControl

TEST_KEY = {"Authorization": "Bearer rk_test_rehearsal"}
LIVE_KEY = {"Authorization": "Bearer rk_live_rehearsal"}
ORDER = "65f0c0ffee65f0c0ffee65f0"


async def test_the_vendors_client_reads_a_session(base: str, control: SandboxControl) -> None:
    """Retrieve with expanded line items through stripe-python."""
    made = await control.create_session("certificate", ORDER, email="a@example.test")
    client = stripe.StripeClient("sk_test_rehearsal", base_addresses={"api": base})
    options = {"expand": ["line_items", "payment_intent"]}
    read = client.v1.checkout.sessions.retrieve
    found = (await asyncio.to_thread(read, made["id"], options)).to_dict(for_json=True)  # type: ignore[arg-type]  # a plain dict serves as params

    assert found["amount_total"] == 4990
    assert found["line_items"]["data"][0]["amount_total"] == 4990
    assert found["payment_intent"]["status"] == "succeeded"
    assert found["customer_details"]["email"] == "a@example.test"


async def test_the_vendors_client_pages_through_events(base: str, control: SandboxControl) -> None:
    """Auto-paging with types[] sees every event once."""
    session = await control.create_session("valuation", ORDER)
    kinds = ["checkout.session.completed", "charge.refunded", "checkout.session.completed"]
    made = [(await control.create_event(kind, session["id"]))["id"] for kind in kinds]
    client = stripe.StripeClient("sk_test_rehearsal", base_addresses={"api": base})
    wanted = {"types": ["checkout.session.completed"], "limit": 1}

    def collect() -> list[str]:
        page = client.v1.events.list(wanted)  # type: ignore[arg-type]  # a plain dict serves as params
        return [event.id for event in page.auto_paging_iter()]

    assert await asyncio.to_thread(collect) == [made[2], made[0]]


async def test_basic_authentication_works(http: httpx.AsyncClient, control: SandboxControl) -> None:
    """The key as user name, as curl -u sends it."""
    made = await control.create_session("valuation", ORDER)
    url = f"/v1/checkout/sessions/{made['id']}"

    assert (await http.get(url, auth=("sk_test_rehearsal", ""))).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer nonsense"}, 401), (LIVE_KEY, 404), (TEST_KEY, 200)],
)
async def test_keys_open_their_own_mode(
    http: httpx.AsyncClient, control: SandboxControl, headers: dict[str, str], status: int
) -> None:
    """No key, a wrong one, one of the other mode, the right one."""
    made = await control.create_session("valuation", ORDER)
    response = await http.get(f"/v1/checkout/sessions/{made['id']}", headers=headers)

    assert response.status_code == status


@pytest.mark.parametrize(
    ("key", "path", "permission"),
    [
        ("rk_test_without_event", "/v1/events", "rak_event_read"),
        ("rk_test_without_checkout_session", "/v1/checkout/sessions", "rak_checkout_session_read"),
    ],
)
async def test_a_restricted_key_lacks_what_its_name_says(
    http: httpx.AsyncClient, key: str, path: str, permission: str
) -> None:
    """403 with the permission's name, for that resource alone."""
    headers = {"Authorization": f"Bearer {key}"}
    answers = {
        asked: await http.get(asked, headers=headers)
        for asked in ("/v1/events", "/v1/checkout/sessions")
    }

    assert answers.pop(path).status_code == 403
    assert [answer.status_code for answer in answers.values()] == [200]
    assert permission in (await http.get(path, headers=headers)).json()["error"]["message"]


async def test_a_missing_session_is_named_as_stripe_does(http: httpx.AsyncClient) -> None:
    """resource_missing, 404."""
    response = await http.get("/v1/checkout/sessions/cs_test_nowhere", headers=TEST_KEY)

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "resource_missing"
    assert response.headers["request-id"].startswith("req_")


async def test_sessions_are_listed_by_state_and_time(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """status, created[gte] and payment_intent narrow the list."""
    old = await control.create_session("valuation", ORDER, created=1_700_000_000)
    new = await control.create_session("valuation", ORDER)
    await control.create_session("valuation", ORDER, payment_status="unpaid")

    async def ids(**query: str | int) -> list[str]:
        url = "/v1/checkout/sessions"
        listed = (await http.get(url, params=query, headers=TEST_KEY)).json()
        return [item["id"] for item in listed["data"]]

    assert await ids(status="complete") == [new["id"], old["id"]]
    assert await ids(status="complete", **{"created[gte]": 1_700_000_001}) == [new["id"]]
    assert await ids(payment_intent=old["payment_intent"]) == [old["id"]]


async def test_pages_tell_whether_more_follows(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """Cursor and limit lead to the end, has_more true then false."""
    made = [(await control.create_session("valuation", ORDER))["id"] for _ in range(3)]
    url = "/v1/checkout/sessions"
    first = (await http.get(url, params={"limit": 2}, headers=TEST_KEY)).json()
    cursor = {"limit": 2, "starting_after": first["data"][-1]["id"]}
    second = (await http.get(url, params=cursor, headers=TEST_KEY)).json()
    seen = [item["id"] for page in (first, second) for item in page["data"]]

    assert (first["has_more"], second["has_more"]) == (True, False)
    assert seen == made[::-1]


async def test_undelivered_events_can_be_asked_for(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """delivery_success=false finds what no endpoint has taken."""
    session = await control.create_session("valuation", ORDER)
    missed = await control.create_event("checkout.session.completed", session["id"])
    taken = await control.create_event("checkout.session.completed", session["id"])
    await control.settle_event(taken["id"])
    query = {"delivery_success": "false"}
    listed = (await http.get("/v1/events", params=query, headers=TEST_KEY)).json()

    assert [event["id"] for event in listed["data"]] == [missed["id"]]


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"colour": "brown"}, {"created[gte]": "today"}, {"starting_after": "cs_x"}],
)
async def test_wrong_questions_are_refused(http: httpx.AsyncClient, query: dict[str, str]) -> None:
    """Out of range, unknown, not a number, no such cursor."""
    response = await http.get("/v1/checkout/sessions", params=query, headers=TEST_KEY)

    assert response.is_client_error
    assert response.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(("outcome", "status"), [("503", 503), ("429", 429), ("500", 500)])
async def test_stripe_can_fail(
    http: httpx.AsyncClient, control: SandboxControl, outcome: str, status: int
) -> None:
    """Once, as the scenario says, then it works again."""
    await control.set_scenario({"stripe": {"outcomes": [outcome]}})
    answers = [await http.get("/v1/events", headers=TEST_KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [status, 200]


async def test_stripe_can_drop_the_line(http: httpx.AsyncClient, control: SandboxControl) -> None:
    """A reset before any byte."""
    await control.set_scenario({"stripe": {"outcomes": ["reset"]}})

    with pytest.raises(httpx.TransportError):
        await http.get("/v1/events", headers=TEST_KEY)
