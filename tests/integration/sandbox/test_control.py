"""The control API and the command."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import httpx
import pytest

from sandbox.client import SandboxControl, SandboxError
from tests.integration.sandbox.asking import HORSE, ask

ROOT = Path(__file__).parents[3]


async def test_the_journal_keeps_what_was_asked(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """Model, outcome, key suffix, prompt and needles; never the key."""
    await ask(http, "apology")
    (entry,) = await control.journal("chat", needles=["Hannoveraner", "Friese"])

    assert (entry["model"], entry["outcome"]) == ("google/gemini-2.5-pro", "apology")
    assert (entry["status"], entry["ended"]) == (200, "answered")
    assert entry["needles"] == {"Hannoveraner": True, "Friese": False}
    assert entry["request"]["messages"][1]["content"] == HORSE
    assert entry["key_suffix"] == "abcd"
    assert "sk-or-v1-rehearsal" not in json.dumps(entry)


async def test_scenarios_take_turns(http: httpx.AsyncClient, control: SandboxControl) -> None:
    """Listed outcomes in order, then the draw."""
    rule = {"outcomes": ["503", "429_upstream"], "then": ["ok"], "latency": 0}
    await control.set_scenario({"models": {"google/*": rule}})

    assert [(await ask(http)).status_code for _ in range(3)] == [503, 429, 200]


async def test_a_reset_forgets_but_keeps_counting(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """Journal empty, scenario as at the start, sequence numbers go on."""
    await control.set_scenario({"models": {"*": {"then": ["500"]}}})
    await ask(http)
    await control.reset()
    forgotten = await control.journal()
    answer = await ask(http)
    (entry,) = await control.journal()

    assert forgotten == []
    assert answer.status_code == 200
    assert entry["seq"] == 2


@pytest.mark.parametrize(
    "scenario", [{"models": {"*": {"outcomes": ["sorry"]}}}, {"colour": "brown"}, {"models": 5}]
)
async def test_wrong_scenarios_change_nothing(
    control: SandboxControl, scenario: dict[str, object]
) -> None:
    """Refused with an explanation, by PUT and by PATCH; the old scenario stays."""
    before = await control.scenario()
    for change in (control.set_scenario, control.amend_scenario):
        with pytest.raises(SandboxError):
            await change(scenario)

    assert await control.scenario() == before


async def test_unknown_outcomes_are_answered_with_the_known(
    http: httpx.AsyncClient, control: SandboxControl
) -> None:
    """By header and by scenario."""
    response = await ask(http, "sorry")

    assert response.status_code == 400
    assert "apology_long" in response.json()["error"]["message"]
    with pytest.raises(SandboxError, match="apology_long"):
        await control.set_scenario({"models": {"*": {"outcomes": ["sorry"]}}})


async def test_the_shown_scenario_can_be_put_back(control: SandboxControl) -> None:
    """What GET shows, PUT accepts."""
    await control.set_scenario({"models": {"*": {"outcomes": ["503"], "latency": "measured"}}})
    shown = await control.scenario()

    assert await control.set_scenario(shown) == shown


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("sessions", {"kind": "riding_lesson", "order_id": "1"}),
        ("sessions", {"kind": "valuation", "order_id": "1", "discount": 5000}),
        ("sessions/cs_test_nowhere", {"status": "open"}),
        ("sessions/cs_test_nowhere", {"colour": "brown"}),
        ("events", {"type": "checkout.session.completed"}),
        ("events", {"type": "checkout.session.completed", "session_id": "cs_test_nowhere"}),
    ],
)
async def test_impossible_payments_are_refused(
    http: httpx.AsyncClient, path: str, order: dict[str, object]
) -> None:
    """With an explanation, and nothing is made."""
    response = await http.post(f"/control/stripe/{path}", json=order)

    assert response.status_code in {400, 404}
    assert response.json()["error"]["message"]


async def test_a_malformed_patch_is_refused(http: httpx.AsyncClient) -> None:
    """Not JSON, not an object."""
    answers = [await http.patch("/control/scenario", content=c) for c in ("{", "[]")]

    assert [answer.status_code for answer in answers] == [400, 400]


async def test_the_command_starts_and_stops_cleanly() -> None:
    """One line with the base URLs, then SIGTERM ends it with status 0, even mid-request."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--port", "0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    base = line.split()[2]
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=5) as http:
        async with SandboxControl(base) as control:
            hanging = asyncio.create_task(ask(http, "hang"))
            while not await control.journal("chat"):
                continue
        process.send_signal(signal.SIGTERM)
        with pytest.raises(httpx.TransportError):
            await hanging

    assert line.startswith("sandbox ready: http://127.0.0.1:")
    assert await process.wait() == 0


async def test_a_wrong_scenario_file_stops_the_command(tmp_path: Path) -> None:
    """Status 2, and the message names the fault."""
    file = tmp_path / "scenario.json"
    file.write_text('{"models": {"*": {"outcomes": ["sorry"]}}}')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--port", "0", "--scenario", str(file)),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()

    assert process.returncode == 2
    assert b"unknown outcome 'sorry'" in told
