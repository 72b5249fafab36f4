"""`POST /orders/{session_id}/feedback`."""

import httpx
import pytest

from domain.job import Kind, State
from ledger.names import JOBS
from tests.builders import SESSION_ID, order
from tests.stripe_events import event, session
from tests.unit.producer.fakes import SITE, World, world

PATH = f"/orders/{SESSION_ID}/feedback"


async def rate(here: World, body: str, path: str = PATH) -> httpx.Response:
    async with here.client() as client:
        return await client.post(path, content=body)


async def delivered() -> World:
    """A world with one delivered order."""
    here = world()
    await here.deliver(event(session()))
    job = here.store.all(JOBS)[0]
    here.store.put(JOBS, job | {"state": State.DELIVERED.value})
    return here


async def test_a_rating_may_be_changed() -> None:
    """One rating per order: the last one counts."""
    here = await delivered()

    first = await rate(here, '{"rating": 2}')
    second = await rate(here, '{"rating": 5}')

    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == {"session_id": SESSION_ID, "rating": 5, "recorded": True}
    assert here.window.ratings == {SESSION_ID: 5}


async def test_where_no_attempts_are_kept() -> None:
    """The customer is thanked all the same; the answer says that nothing was written."""
    here = await delivered()
    here.window.keeps_records = False

    assert (await rate(here, '{"rating": 4}')).json()["recorded"] is False


@pytest.mark.parametrize("state", [s for s in State if s is not State.DELIVERED])
async def test_only_results_are_rated(state: State) -> None:
    """409 until there is one."""
    here = await delivered()
    here.store.put(JOBS, here.store.all(JOBS)[0] | {"state": state.value})

    answer = await rate(here, '{"rating": 4}')

    assert (answer.status_code, answer.json()) == (409, {"status": "not_delivered"})
    assert here.window.ratings == {}


async def test_unpaid_order() -> None:
    """Known, but nothing to rate."""
    here = world()
    here.store.put_order(Kind.VALUATION, order())

    assert (await rate(here, '{"rating": 4}')).status_code == 409


@pytest.mark.parametrize(
    "path",
    [
        "/orders/cs_live_unknown/feedback",
        "/orders/cs_test_a1/feedback",
        "/orders/x/feedback",
        "/nowhere",
    ],
)
async def test_unknown_sessions_read_like_unknown_paths(path: str) -> None:
    """The same bytes, as everywhere."""
    answer = await rate(await delivered(), '{"rating": 4}', path)

    assert (answer.status_code, answer.content) == (404, b'{"status":"not_found"}')


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[]",
        "null",
        "no json",
        '{"rating": 0}',
        '{"rating": 6}',
        '{"rating": "5"}',
        '{"rating": 4.5}',
        '{"rating": true}',
        '{"rating": null}',
        '{"rating": {"$ne": 1}}',
    ],
)
async def test_what_is_no_rating(body: str) -> None:
    """422 with a fixed word."""
    here = await delivered()

    answer = await rate(here, body)

    assert answer.status_code == 422
    assert set(answer.json()) == {"status"}
    assert here.window.ratings == {}


async def test_long_bodies_are_not_read() -> None:
    """A rating is short."""
    answer = await rate(await delivered(), '{"rating": 5, "x": "' + "x" * 2000 + '"}')

    assert (answer.status_code, answer.json()["status"][:14]) == (413, "request_entity")


async def test_ratings_count_with_the_reads() -> None:
    """One limit for everything about orders."""
    here = await delivered()

    async with here.client() as client:
        statuses = [
            (await client.post(PATH, content='{"rating": 3}')).status_code for _ in range(61)
        ]
        read = await client.get(f"/orders/{SESSION_ID}")

    assert (set(statuses[:60]), statuses[60], read.status_code) == ({200}, 429, 429)


async def test_ledger_down() -> None:
    """503, and the page may try again."""
    here = await delivered()
    here.store.is_down = True

    assert (await rate(here, '{"rating": 3}')).status_code == 503


async def test_the_shops_pages_may_send_it() -> None:
    """A browser asks first whether JSON may be posted from there."""
    here = await delivered()
    async with here.client() as client:
        answer = await client.options(
            PATH,
            headers={
                "Origin": SITE,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            },
        )

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SITE
