"""The command line against the running system: what people do by hand has its effect."""

import asyncio
import json
import subprocess
import sys
from typing import Any

from sandbox.shop import DRESSAGE_HORSE
from sandbox.stack import ROOT
from tests.acceptance.conftest import World

Json = dict[str, Any]


async def pferdewert(world: World, *arguments: str, code: int = 0) -> Json:
    """Run the command in the system's environment; return its JSON."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", *arguments, "--json"),
        env=world.stack.env,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == code, err.decode()
    report: Json = json.loads(out) if out else {"message": err.decode()}
    return report


async def tiers(world: World, session_id: str) -> list[str]:
    return [attempt["model_tier"] for attempt in await world.shop.attempts(session_id)]


async def switched(world: World, *, on: bool) -> None:
    """Wait until both workers have said that they follow the switch."""

    async def said() -> bool:
        log = await asyncio.to_thread(world.stack.log_path.read_text, "utf-8", "replace")
        lines = [line for line in log.splitlines() if "direct_only_switched" in line]
        return sum(f"on={on}" in line for line in lines) >= 2

    await world.until(f"both workers switch to {on}", said)


async def test_rollback_and_undo_change_who_serves_the_next_order(world: World) -> None:
    """The very same workers ask a direct provider, and OpenRouter again after the undo."""
    try:
        before = await world.ended(await world.paid())
        report = await pferdewert(world, "rollback", "--force")
        await switched(world, on=True)
        during = await world.paid()
        await world.ended(during)
        status = await pferdewert(world, "status")
    finally:
        await pferdewert(world, "rollback", "--undo", "--force")
    await switched(world, on=False)
    after = await world.paid()
    await world.ended(after)

    assert report["workers_alive"] == 2
    assert status["direct_only"]["on"] is True
    assert await tiers(world, before["session_id"]) == ["primary"]
    assert await tiers(world, during) == ["emergency"]
    assert await tiers(world, after) == ["primary"]


async def test_a_parked_order_is_mended_and_retried(world: World) -> None:
    """The field is corrected in the order, the job retried: one result, one mail each."""
    session_id = await world.paid(horse=DRESSAGE_HORSE | {"stockmass": 0})
    parked = await world.ended(session_id)
    await world.database["bewertungen"].update_one(
        {"stripeSessionId": session_id}, {"$set": {"stockmass": 168}}
    )

    report = await pferdewert(world, "orders", "retry", session_id)

    async def delivered() -> bool:
        return bool((await world.shop.job("valuation", session_id))["state"] == "delivered")

    await world.until("the retried job is delivered", delivered)
    await world.ended(session_id)
    refused = await pferdewert(world, "orders", "retry", session_id, code=1)
    told = await pferdewert(world, "trace", session_id)

    assert (parked["state"], report["effect"]) == ("parked", "reopened")
    assert await world.mails_for(session_id) == ["admin", "customer", "parked"]
    assert "delivered" in refused["message"]
    assert {"stripe", "job", "model", "mail"} <= {m["source"] for m in told["moments"]}


async def test_an_order_parked_by_hand_waits_for_its_retry(world: World) -> None:
    """Parked in mid-call: the answer won meanwhile is dropped; after the retry it is delivered."""
    await world.control.set_scenario({"models": {"*": {"latency": 3}}})
    session_id = await world.paid()
    await world.asked()

    await pferdewert(world, "orders", "park", session_id, "--why", "the customer called")
    details = await pferdewert(world, "orders", "show", session_id)
    await pferdewert(world, "orders", "retry", session_id)

    async def delivered() -> bool:
        return bool((await world.shop.job("valuation", session_id))["state"] == "delivered")

    await world.until("the retried job is delivered", delivered)
    assert details["jobs"][0]["reason"]["code"] == "by_hand"
    assert details["jobs"][0]["state"] == "parked"
    await world.ended(session_id)
    assert await world.mails_for(session_id) == ["admin", "customer"]


async def test_a_rehearsed_webhook_goes_all_the_way(world: World) -> None:
    """A made-up session for a real order becomes a result; sending it again changes nothing."""
    session_id = await world.shop.pay("valuation", DRESSAGE_HORSE)
    send = ("webhook", "send", "checkout.session.completed", "--session", session_id)

    first = await pferdewert(world, *send)
    await world.ended(session_id)
    again = await pferdewert(world, *send)

    assert (first["status"], first["answer"]) == (200, "accepted")
    assert again["event_id"] != first["event_id"]
    assert await world.mails_for(session_id) == ["admin", "customer"]


async def test_the_doctor_finds_the_running_system_healthy(world: World) -> None:
    """No line fails; the workers' own environment is what it looks at."""
    checkup = await pferdewert(world, "doctor")

    assert checkup["level"] in {"ok", "warn"}
