"""Every command against real servers: what it prints, what it changes, how it ends."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from config.clock import SystemClock
from domain.job import Reason, ReasonCode
from ledger.handwork import Handwork
from ledger.names import JOBS
from ops.running import Exit
from sandbox.servers import EmbeddedValkey
from tests.integration.ops.conftest import Shop

ROOT = Path(__file__).parents[3]
NO_SERVER = "127.0.0.1:1"
SECRETS = ("sk-or-v1-sandbox", "sk-ant-sandbox", "rk_test_sandbox", "whsec_sandbox")
INVALID = Reason(code=ReasonCode.INVALID_ORDER, field="alter", detail="missing")


def levels(checkup: dict[str, Any], check: str) -> set[str]:
    return {found["level"] for found in checkup["findings"] if found["check"] == check}


async def test_the_doctor_finds_a_healthy_house_healthy(shop: Shop) -> None:
    """Every part answers, nothing fails, no secret is printed."""
    checkup = await shop.told("doctor")
    page = await shop.call("doctor")

    parts = ("mongodb", "schema", "redis", "openrouter", "anthropic", "openai", "stripe")
    assert checkup["exit_code"] == Exit.OK, page.output
    assert {part: levels(checkup, part) for part in parts} == {part: {"ok"} for part in parts}
    assert levels(checkup, "clock") == {"ok"}
    assert "fail" not in levels(checkup, "models")
    assert [secret for secret in SECRETS if secret in page.output] == []


async def test_the_doctor_goes_on_after_every_failure(shop: Shop) -> None:
    """All servers away and all keys refused: each fails in its own line."""
    checkup = await shop.told(
        "doctor",
        MONGODB_URI=f"mongodb://{NO_SERVER}/x",
        REDIS_URL=f"redis://{NO_SERVER}/0",
        OPENROUTER_API_KEY="sk-or-v1-invalid",
        ANTHROPIC_API_KEY="sk-ant-invalid",
        OPENAI_API_KEY="sk-invalid",
        STRIPE_API_KEY="rk_test_invalid",
    )

    assert checkup["exit_code"] == Exit.FAILED
    for part in ("mongodb", "redis", "openrouter", "anthropic", "openai", "stripe"):
        assert levels(checkup, part) == {"fail"}, part


async def test_the_doctor_reads_what_it_can_of_a_faulty_environment(shop: Shop) -> None:
    """A fault elsewhere does not keep it from the servers; the fault itself fails."""
    checkup = await shop.told("doctor", OPENROUTER_TIMEOUT="soon", MAIL_PROVIDER="resend")

    faults = [found["detail"] for found in checkup["findings"] if found["check"] == "settings"]
    assert checkup["exit_code"] == Exit.FAILED
    assert any("OPENROUTER_TIMEOUT" in fault for fault in faults)
    assert any("RESEND_API_KEY" in fault for fault in faults)
    assert levels(checkup, "mongodb") == {"ok"}


async def test_the_doctor_sees_models_and_money_run_out(shop: Shop) -> None:
    """A retired model and an empty key fail before a customer notices."""
    await shop.control.amend_scenario({"retired_models": ["openai/gpt-4o"], "credit_usd": 0.0})

    checkup = await shop.told("doctor")

    assert "fail" in levels(checkup, "models")
    assert levels(checkup, "openrouter") == {"fail"}


async def test_status_tells_what_is_owed(shop: Shop) -> None:
    """Counts by state, and an outage of Redis that is no outage of the report."""
    await shop.open("cs_1")
    await shop.open("cs_2", reason=INVALID)

    report = await shop.told("status")
    without = await shop.told("status", REDIS_URL=f"redis://{NO_SERVER}/0")

    assert report["owed"]["count"] == 2
    assert report["jobs"]["parked"] == 1
    assert report["bell"]["open_breakers"] == []
    assert report["direct_only"]["on"] is False
    assert (without["bell"], without["exit_code"]) == (None, Exit.OK)


async def test_status_shows_open_breakers(shop: Shop, valkey: EmbeddedValkey) -> None:
    """As the workers wrote them into Redis."""
    key = "pw:breaker:a/model"
    async with Redis.from_url(valkey.url) as redis:
        await redis.set(key, '{"failures": [], "open_until": 4000000000, "probe_until": 0}')
        report = await shop.told("status")
        await redis.delete(key)

    assert [broken["model"] for broken in report["bell"]["open_breakers"]] == ["a/model"]


async def test_mongodb_down_ends_with_three(shop: Shop) -> None:
    """A message that says where to look, and its own exit code."""
    result = await shop.call("status", MONGODB_URI=f"mongodb://{NO_SERVER}/x")

    assert result.exit_code == Exit.NO_MONGODB
    assert "MONGODB_URI" in result.stderr
    assert result.stdout == ""


async def test_orders_are_listed_and_shown(shop: Shop) -> None:
    """By default what is undelivered; one job in full; an unknown one with advice."""
    first = await shop.open("cs_1")
    second = await shop.open("cs_2", reason=INVALID)

    everything = await shop.told("orders", "list")
    parked = await shop.told("orders", "list", "--state", "parked")
    details = await shop.told("orders", "show", "cs_2")
    unknown = await shop.call("orders", "show", "cs_3")

    assert [line["job_id"] for line in everything["jobs"]] == [second, first]
    assert [line["job_id"] for line in parked["jobs"]] == [second]
    assert details["jobs"][0]["reason"]["field"] == "alter"
    assert unknown.exit_code == Exit.FAILED
    assert "webhook" in unknown.stderr


async def test_retry_reopens_rings_and_may_be_repeated(shop: Shop, valkey: EmbeddedValkey) -> None:
    """Once re-opened it is due; each call rings, none changes more."""
    job_id = await shop.open("cs_1", reason=INVALID)
    async with Redis.from_url(valkey.url) as redis:
        await redis.delete("pw:jobs")
        first = await shop.told("orders", "retry", "cs_1")
        second = await shop.told("orders", "retry", job_id)
        rings = await redis.llen("pw:jobs")

    assert (first["effect"], first["rung"], first["exit_code"]) == ("reopened", True, Exit.OK)
    assert (second["effect"], second["fence"]) == ("already_due", first["fence"])
    assert rings == 2


async def test_retry_works_without_redis(shop: Shop) -> None:
    """The rescue loop finds the job; the report says that nobody was rung for."""
    await shop.open("cs_1", reason=INVALID)

    report = await shop.told("orders", "retry", "cs_1", REDIS_URL=f"redis://{NO_SERVER}/0")

    assert (report["effect"], report["rung"]) == ("reopened", False)


async def test_the_real_process_prints_nothing_but_json(shop: Shop) -> None:
    """Log lines, here about the bell that cannot be rung, go to standard error."""
    await shop.open("cs_1", reason=INVALID)
    env = {**os.environ, **shop.env, "REDIS_URL": f"redis://{NO_SERVER}/0"}

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "orders", "retry", "cs_1", "--json"),
        env=env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert (process.returncode, json.loads(out)["effect"]) == (Exit.OK, "reopened")
    assert b"ring_failed" in err


async def test_retry_can_name_the_order(shop: Shop) -> None:
    """Only one that exists."""
    await shop.open("cs_1", reason=INVALID)

    result = await shop.call("orders", "retry", "cs_1", "--order-id", "68a0c0ffee0123456789abcd")

    assert result.exit_code == Exit.FAILED
    assert "no valuation order" in result.stderr


async def test_park_stops_a_job_and_cancelled_ones_are_refused(shop: Shop) -> None:
    """The reason stands in the job; a job whose money is gone stays as it is."""
    job_id = await shop.open("cs_1")

    parked = await shop.told("orders", "park", "cs_1", "--why", "customer calls back")
    again = await shop.told("orders", "park", "cs_1", "--why", "something else")
    jobs = await Handwork(shop.connection, SystemClock()).find(job_id)
    await shop.connection.collection(JOBS).update_one({}, {"$set": {"state": "cancelled"}})
    refused = await shop.call("orders", "park", "cs_1", "--why", "x")

    assert (parked["effect"], again["effect"]) == ("parked", "already_parked")
    assert jobs[0].reason == Reason(code=ReasonCode.BY_HAND, detail="customer calls back")
    assert refused.exit_code == Exit.FAILED
    assert "cancelled" in refused.stderr


async def test_trace_tells_the_story_or_says_that_there_is_none(shop: Shop) -> None:
    """A job that was opened and parked; and a session nobody heard of."""
    await shop.open("cs_1", reason=INVALID)

    told = await shop.told("trace", "cs_1")
    unknown = await shop.call("trace", "cs_none")

    assert {moment["what"] for moment in told["moments"]} == {
        "opened",
        "last change: parked",
        "mail to parked: pending",
    }
    assert (unknown.exit_code, "cs_none" in unknown.stderr) == (Exit.FAILED, True)


async def test_migrations_go_up_and_down(shop: Shop) -> None:
    """Nothing is pending; a step undone is applied again; a no leaves all as it is."""
    nothing = await shop.told("migrate", "up")
    declined = await shop.call("migrate", "down", answer="n\n")
    down = await shop.told("migrate", "down", "--yes")
    pending = [
        s["name"] for s in (await shop.told("migrate", "status"))["steps"] if not s["applied_at"]
    ]
    up = await shop.told("migrate", "up")

    assert nothing["ran"] == []
    assert declined.exit_code == Exit.FAILED
    assert down["ran"] == pending == up["ran"]


async def test_a_day_is_aggregated_by_hand(shop: Shop) -> None:
    """A day without requests is aggregated too, as often as one likes."""
    first = await shop.told("aggregate", "--date", "2026-11-19")
    second = await shop.told("aggregate", "--date", "2026-11-19")

    assert first == second
    assert (first["day"], first["total_requests"]) == ("2026-11-19", 0)


async def test_lost_payments_are_found_by_hand(shop: Shop) -> None:
    """A dry run names them and changes nothing; the real one opens their jobs; then all is well."""
    session = await shop.control.create_session("valuation", "65f0c0ffee65f0c0ffee65f0")

    dry = await shop.told("reconcile", "--dry-run")
    jobs = await shop.connection.latest("jobs").count_documents({})
    real, again = await shop.told("reconcile"), await shop.told("reconcile", "--hours", "1")
    shown = await shop.call("reconcile", "--dry-run")

    def opened(report: dict[str, Any]) -> list[str]:
        return [r["source"] for r in report["sources"] if r["tally"]["opened"]]

    assert (opened(dry), dry["exit_code"], jobs) == (["sessions"], Exit.FAILED, 0)
    assert dry["sources"][2]["tally"]["unknown_paid"] == [session["id"]]
    assert (opened(real), real["exit_code"]) == (["sessions"], Exit.OK)
    assert (opened(again), again["exit_code"]) == ([], Exit.OK)
    assert "nothing changed" in shown.output


async def test_a_dry_run_sees_undelivered_events(shop: Shop) -> None:
    """What they would open or settle is counted, and the inbox stays as it was."""
    session = await shop.control.create_session("valuation", "65f0c0ffee65f0c0ffee65f0", created=1)
    for type_ in ("checkout.session.completed", "charge.refunded"):
        await shop.control.create_event(type_, session["id"])

    dry = await shop.told("reconcile", "--dry-run")

    tallies = {report["source"]: report["tally"] for report in dry["sources"]}
    assert (tallies["undelivered"]["opened"], tallies["follow_ups"]["settled"]) == (1, 1)
    assert await shop.connection.latest("stripe_events").count_documents({}) == 0


async def test_stripe_that_cannot_be_read_by_hand(shop: Shop) -> None:
    """No key and one of the other mode are refused; what one source lacks stops no other."""
    without = await shop.call("reconcile", STRIPE_API_KEY="")
    other = await shop.call(
        "reconcile", STRIPE_API_KEY="rk_live_rehearsal", STRIPE_LIVEMODE="false"
    )
    half = await shop.told("reconcile", STRIPE_API_KEY="rk_test_without_event")

    assert (without.exit_code, other.exit_code) == (Exit.FAILED, Exit.FAILED)
    assert "STRIPE_API_KEY" in without.output + without.stderr
    faults = {report["source"]: report["fault"] for report in half["sources"]}
    assert "Events: read" in faults["undelivered"]
    assert (faults["sessions"], half["exit_code"]) == (None, Exit.FAILED)


async def test_the_chain_is_listed_with_and_without_openrouter(shop: Shop) -> None:
    """Five stages in their order; without the list the table still tells prices."""
    listed = await shop.told("models", "list")
    alone = await shop.told("models", "list", OPENROUTER_BASE_URL=f"http://{NO_SERVER}/api/v1")

    tiers = ["primary", "secondary", "tertiary", "emergency", "emergency"]
    assert [line["tier"] for line in listed["models"]] == tiers
    assert (listed["list_read"], alone["list_read"]) == (True, False)
    assert alone["models"][0]["price_in"] > 0


async def test_models_are_tested_for_money_only_with_consent(shop: Shop) -> None:
    """Five probes with cost and latency; a no asks nobody; a failure is an exit code."""
    declined = await shop.call("models", "test", answer="n\n")
    asked_before = len(await shop.control.journal("chat"))
    run = await shop.told("models", "test", "--yes", "--pause", "0")
    every = await shop.told("models", "test", "--all", "--yes", "--pause", "0")
    await shop.control.amend_scenario({"retired_models": ["openai/gpt-4o"]})
    failing = await shop.told("models", "test", "--yes", "--pause", "0")

    assert (declined.exit_code, asked_before) == (Exit.FAILED, 0)
    assert (run["exit_code"], run["success_rate"], len(run["probes"])) == (Exit.OK, 1.0, 5)
    assert run["total_cost_usd"] > 0
    assert len(every["probes"]) > len(run["probes"])
    assert failing["exit_code"] == Exit.FAILED
    assert len(failing["failures"]) == 2


async def test_rollback_needs_a_direct_path_that_works(shop: Shop) -> None:
    """Without keys, with refused keys and with a no, the switch stays off."""
    no_keys = await shop.call("rollback", "--force", ANTHROPIC_API_KEY="", OPENAI_API_KEY="")
    refused = await shop.call(
        "rollback", "--force", ANTHROPIC_API_KEY="invalid", OPENAI_API_KEY="invalid"
    )
    declined = await shop.call("rollback", answer="n\n")

    assert {no_keys.exit_code, refused.exit_code, declined.exit_code} == {Exit.FAILED}
    assert "ANTHROPIC_API_KEY" in no_keys.stderr
    assert "unauthorized" in refused.stderr
    assert (await shop.told("status"))["direct_only"]["on"] is False


async def test_rollback_and_undo_are_safe_to_repeat(shop: Shop) -> None:
    """The first call changes the switch, the second says that it stands already."""
    on = await shop.told("rollback", "--force")
    again = await shop.told("rollback", "--force")
    off = await shop.told("rollback", "--undo", "--force")
    over = await shop.told("rollback", "--undo", "--force")

    assert [report["changed"] for report in (on, again, off, over)] == [True, False, True, False]
    assert [report["direct_only"]["on"] for report in (on, again, off)] == [True, True, False]
    assert len(on["probes"]) == 2
    assert again["probes"] == []


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"STRIPE_LIVEMODE": "true"}, "--yes"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET"),
        ({"STRIPE_API_KEY": ""}, "--kind"),
        ({}, "does not know this session"),
    ],
)
async def test_webhooks_are_refused_with_advice(
    shop: Shop, env: dict[str, str], words: str
) -> None:
    """Real money, no secret, no key, an unknown session: each says what to do."""
    result = await shop.call(
        "webhook", "send", "checkout.session.completed", "--session", "cs_1", **env
    )

    assert result.exit_code == Exit.FAILED
    assert words in result.stderr


async def test_a_webhook_to_nobody_says_so(shop: Shop) -> None:
    """The address is in the message."""
    arguments = ("--kind", "valuation", "--order", "68a0c0ffee0123456789abcd")
    result = await shop.call(
        *("webhook", "send", "charge.refunded", *arguments), "--url", f"http://{NO_SERVER}/x"
    )

    assert result.exit_code == Exit.FAILED
    assert NO_SERVER in result.stderr
