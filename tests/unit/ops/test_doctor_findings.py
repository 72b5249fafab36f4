"""What the doctor makes of the facts."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.answer import Tier
from ledger.migrations import Step
from ledger.overview import Server
from llm.accounts import KeyStanding, read_key
from llm.catalogue import ModelSpec
from llm.listing import ListedModel
from ops.reports.doctor import (
    Checkup,
    Finding,
    Level,
    clock_finding,
    direct_finding,
    fail,
    key_finding,
    obsolete_findings,
    ok,
    redis_findings,
    schema_findings,
    server_finding,
    settings_findings,
    slug_findings,
    warn,
)
from tests.builders import NOW


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def key(remaining: float | None) -> KeyStanding:
    return KeyStanding(
        limit_usd=100.0,
        remaining_usd=remaining,
        used_today_usd=1.0,
        expires_at=None,
        server_time=None,
    )


def test_all_faults_of_the_settings_are_told() -> None:
    """Every fault fails, every warning warns; none at all is one good line."""
    assert levels(settings_findings(["A: missing", "B: missing"], ["C is odd"])) == [
        Level.FAIL,
        Level.FAIL,
        Level.WARN,
    ]
    assert levels(settings_findings([], [])) == [Level.OK]


def test_variables_of_the_old_backend_are_named_with_their_heirs() -> None:
    """Each is a warning that says what to set instead."""
    found = obsolete_findings(["PATH", "PW_MODEL", "CLAUDE_MODEL", "MODEL_ID"])

    assert levels(found) == [Level.WARN] * 3
    assert "EMERGENCY_ANTHROPIC_MODEL" in found[0].advice
    assert levels(obsolete_findings(["PATH"])) == [Level.OK]


@pytest.mark.parametrize(("replica_set", "level"), [("rs0", Level.OK), (None, Level.FAIL)])
def test_a_standalone_mongodb_fails(replica_set: str | None, level: Level) -> None:
    """Deliveries need transactions."""
    server = Server(version="6.0.5", replica_set=replica_set, time=NOW)

    assert server_finding(server, "test").level is level


@pytest.mark.parametrize(
    ("steps", "missing", "expected"),
    [
        ([Step("0001", NOW, complete=True)], [], [Level.OK]),
        ([Step("0001", None, complete=False)], ["jobs.due"], [Level.FAIL]),
        ([Step("0003", NOW, complete=False)], [], [Level.WARN]),
        ([Step("0001", NOW, complete=True)], ["jobs.due"], [Level.FAIL]),
    ],
)
def test_the_schema(steps: list[Step], missing: list[str], expected: list[Level]) -> None:
    """Pending steps and lost indexes fail, what the site's data prevent is a warning."""
    assert levels(schema_findings(steps, missing)) == expected


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"maxmemory_policy": "noeviction", "aof_enabled": 1}, [Level.OK]),
        ({"maxmemory_policy": "allkeys-lru", "aof_enabled": 1}, [Level.OK, Level.WARN]),
        ({"maxmemory_policy": "noeviction", "aof_enabled": 0}, [Level.OK, Level.WARN]),
        ({}, [Level.OK, Level.WARN, Level.WARN]),
    ],
)
def test_redis(info: dict[str, object], expected: list[Level]) -> None:
    """Eviction and a missing append-only file lose rings, not orders: warnings."""
    assert levels(redis_findings(info)) == expected


@pytest.mark.parametrize(
    ("remaining", "level"),
    [(None, Level.OK), (50.0, Level.OK), (4.99, Level.WARN), (0.0, Level.FAIL), (-1.0, Level.FAIL)],
)
def test_the_balance_of_the_key(remaining: float | None, level: Level) -> None:
    """No limit is fine, little is a warning, nothing is a failure."""
    assert key_finding(key(remaining)).level is level


def test_the_reply_about_a_key_is_read_leniently() -> None:
    """Amounts, expiry and the server's clock, or nothing of it."""
    headers = {"date": "Fri, 20 Nov 2026 12:00:00 GMT"}
    standing = read_key({"data": {"limit": 10, "limit_remaining": "2.5"}}, headers)

    assert (standing.limit_usd, standing.remaining_usd) == (10.0, 2.5)
    assert standing.server_time == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert read_key({}, {"date": "soon"}).server_time is None


def spec(slug: str) -> ModelSpec:
    return ModelSpec(slug=slug, tier=Tier.PRIMARY, max_tokens=12_000)


def test_models_that_are_gone_fail_and_those_that_go_warn() -> None:
    """The advice names the variable."""
    specs = [spec("a/gone"), spec("b/going"), spec("c/fine")]
    models = [ListedModel("b/going", expires=date(2026, 12, 1)), ListedModel("c/fine")]

    found = slug_findings(specs, models, date(2026, 11, 20))

    assert levels(found) == [Level.FAIL, Level.WARN]
    assert "PRIMARY_MODEL" in found[0].advice
    assert "FALLBACK_MODEL" in found[1].advice
    assert levels(slug_findings(specs[2:], models, date(2026, 11, 20))) == [Level.OK]


@pytest.mark.parametrize(
    ("listed", "level"),
    [
        (["claude-sonnet-5"], Level.OK),
        (["claude-sonnet-5-20260901"], Level.OK),
        (["claude-sonnet-55"], Level.WARN),
        ([], Level.WARN),
    ],
)
def test_direct_keys(listed: list[str], level: Level) -> None:
    """A dated snapshot is the model; a longer name is another one."""
    assert direct_finding("ANTHROPIC_API_KEY", "claude-sonnet-5", listed).level is level


@pytest.mark.parametrize(
    ("skew_s", "level"), [(0, Level.OK), (-4, Level.OK), (30, Level.WARN), (-61, Level.FAIL)]
)
def test_clocks(skew_s: int, level: Level) -> None:
    """Seconds are fine, half a minute is odd, more breaks signatures."""
    assert clock_finding("MongoDB", NOW + timedelta(seconds=skew_s), NOW).level is level


@pytest.mark.parametrize(
    ("findings", "level"),
    [
        ([ok("a", "")], Level.OK),
        ([ok("a", ""), warn("b", "")], Level.WARN),
        ([warn("a", ""), fail("b", ""), ok("c", "")], Level.FAIL),
    ],
)
def test_a_checkup_is_as_good_as_its_worst_line(findings: list[Finding], level: Level) -> None:
    """The exit code follows from it."""
    assert Checkup(findings=findings).level is level
