"""What an operator sees in Flower, in the machine's own Chromium: jobs by kind, nothing private."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from sandbox.shop import DRESSAGE_HORSE, SHOW_JUMPER
from tests.acceptance.conftest import World

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_S: Final = 30

PRIVATE: Final = {"besonderheiten": "Muttermal am Karpfenteich", "standort": "81927 Geheimweg"}
BUYER: Final = {"email": "vertraulich@kundin.example", "name": "Walburga Geheimrat"}
NEEDLES: Final = (*PRIVATE.values(), *BUYER.values(), "shop@example.org", "info@example.org")

CONTROLS: Final = (
    "worker/shutdown/{worker}",
    "worker/pool/restart/{worker}",
    "worker/queue/cancel-consumer/{worker}",
    "task/revoke/{task}",
    "task/abort/{task}",
    "task/send-task/pferdewert.work",
    "task/async-apply/pferdewert.work",
)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield launched
        await launched.close()


def chromium() -> str:
    """Return the browser on PATH. A machine without one skips, a CI machine fails."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is not None:
        return found
    missing = f"none of {', '.join(BROWSERS)} is on PATH"
    if os.environ.get("CI"):
        pytest.fail(f"{missing}, and with CI set it must be: .ci/run installs it")
    pytest.skip(missing)


@pytest.fixture
async def flower(world: World, browser: Browser) -> AsyncIterator[Page]:
    """A page that is logged in to the running Flower."""
    user, _, password = world.stack.env["FLOWER_BASIC_AUTH"].partition(":")
    context = await browser.new_context(
        base_url=world.stack.flower_url,
        http_credentials={"username": user, "password": password, "send": "always"},
        viewport={"width": 1500, "height": 900},
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    yield page
    await context.close()


async def tasks_in(page: Page, state: str, job_id: str) -> dict[str, str]:
    """Return each task's args and the text of its row, once the job is in that state."""
    wanted = page.locator("#tasks-table tbody tr", has_text=job_id)
    async with asyncio.timeout(PATIENCE_S):
        while True:  # Flower's list does not follow by itself
            await page.goto(f"/tasks?state={state}", wait_until="networkidle")
            if await wanted.count():
                break
    heads = await page.locator("#tasks-table thead th").all()
    args = [await head.get_attribute("data-column") for head in heads].index("args")
    rows = await page.locator("#tasks-table tbody tr").all()
    return {await row.locator("td").nth(args).inner_text(): await row.inner_text() for row in rows}


async def searched(page: Page, query: str, *, gone: str) -> str:
    """Search the list of tasks as an operator does; return what is left of it."""
    table = page.locator("#tasks-table tbody")
    await page.get_by_role("button", name="All", exact=True).click()
    await expect(table).to_contain_text(gone)
    await page.locator("input[type=search]").fill(query)
    await expect(table).not_to_contain_text(gone)
    return await table.inner_text()


def living_worker(world: World) -> int:
    """Return a worker's process id; Flower also lists those that other tests have ended."""
    members = world.stack.members.values()
    return next(m.process.pid for m in members if "worker" in m.name and m.process)


async def test_nobody_sees_anything_without_the_password(world: World, browser: Browser) -> None:
    """Pages and API alike; with the wrong password too."""
    context = await browser.new_context(base_url=world.stack.flower_url)
    async with httpx.AsyncClient(base_url=world.stack.flower_url, trust_env=False) as http:
        refused = [await http.get(path) for path in ("/", "/tasks", "/broker", "/api/tasks")]
        wrong = await http.get("/tasks", auth=("pferdewert", "wrong"))
    page = await context.request.get("/tasks")
    await context.close()

    assert {answer.status_code for answer in (*refused, wrong)} == {401}
    assert page.status == 401


async def test_jobs_by_kind_in_every_state_and_nothing_private(world: World, flower: Page) -> None:
    """A finished certificate, a running valuation: told apart by the job id, the only argument."""
    done = await world.paid("certificate", SHOW_JUMPER | PRIVATE, **BUYER)
    await world.ended(done, "certificate")
    await world.control.set_scenario({"models": {"*": {"latency": 12}}})
    running = await world.paid("valuation", DRESSAGE_HORSE | PRIVATE, **BUYER)
    await world.asked()

    started = await tasks_in(flower, "STARTED", f"valuation:{running}")
    seen = [await flower.content()]
    succeeded = await tasks_in(flower, "SUCCESS", f"certificate:{done}")
    seen.append(await flower.content())
    for page in ("/", "/broker", "/tasks"):
        await flower.goto(page, wait_until="networkidle")
        seen.append(await flower.content())

    certificates = await searched(flower, "args:certificate", gone="valuation:")

    assert f"certificate:{done}" not in str(started)
    assert f"certificate:{done}" in certificates
    assert f"('valuation:{running}',)" in started
    assert f"('certificate:{done}',)" in succeeded
    assert "pferdewert.work" in started[f"('valuation:{running}',)"]
    assert [needle for needle in NEEDLES for text in seen if needle in text] == []


async def test_a_task_and_its_worker_have_pages_without_buttons(world: World, flower: Page) -> None:
    """Everything that Flower knows of one task and of its worker, and no way to touch either."""
    session_id = await world.paid("valuation", DRESSAGE_HORSE | PRIVATE, **BUYER)
    await world.ended(session_id)
    await tasks_in(flower, "SUCCESS", f"valuation:{session_id}")

    row = flower.locator("#tasks-table tbody tr", has_text=session_id).first
    await row.locator("a[href*='/task/']").first.click()
    await expect(flower.locator("body")).to_contain_text(f"valuation:{session_id}")
    texts = [await flower.content()]
    buttons = await flower.get_by_text("Revoke").count() + await flower.get_by_text("Abort").count()
    await flower.goto("/", wait_until="networkidle")
    await flower.locator(f"a[href*='/worker/worker.{living_worker(world)}.']").first.click()
    await expect(flower.locator("#workername")).to_contain_text("worker.")
    texts.append(await flower.content())

    assert buttons == 0
    assert await flower.get_by_text("Shut Down").count() == 0
    assert [needle for needle in NEEDLES for text in texts if needle in text] == []


async def test_flower_only_looks(world: World, flower: Page) -> None:
    """What its buttons would call is refused even to who is logged in, and nothing happens."""
    session_id = await world.paid()
    await world.ended(session_id)
    await tasks_in(flower, "SUCCESS", f"valuation:{session_id}")
    tasks = await (await flower.request.get("/api/tasks")).json()
    target = next(
        {"task": uuid, "worker": task["worker"]}
        for uuid, task in tasks.items()
        if session_id in task["args"]
    )

    answers = {
        path: await flower.request.post(f"/api/{path.format(**target)}") for path in CONTROLS
    }

    assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(CONTROLS, 403)
    assert {await answer.text() for answer in answers.values()} == {"Read only mode is enabled"}
    assert [member.name for member in world.stack.members.values() if member.is_dead()] == []
    assert (await world.ended(await world.paid()))["state"] == "delivered"
