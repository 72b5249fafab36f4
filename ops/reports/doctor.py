"""What the doctor found. Pure: facts in, findings out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, computed_field

from ledger.migrations import Step
from ledger.overview import Server
from llm.accounts import KeyStanding
from llm.catalogue import ModelSpec
from llm.listing import ListedModel
from llm.slugs import Concern, check_slugs

OBSOLETE: Final[Mapping[str, str]] = {
    "CLAUDE_MODEL": "FALLBACK_MODEL (through OpenRouter) and EMERGENCY_ANTHROPIC_MODEL (direct)",
    "MODEL_ID": "PRIMARY_MODEL",
    "PW_MODEL": "PRIMARY_MODEL",
}
"""Variables of the old backend, and what takes their place."""

LITTLE_MONEY_USD: Final = 5.0
SLOW_CLOCK: Final = timedelta(seconds=5)
WRONG_CLOCK: Final = timedelta(seconds=60)


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(BaseModel):
    """One line. `advice` says what to do and is empty where nothing is."""

    level: Level
    check: str
    detail: str
    advice: str = ""


class Checkup(BaseModel):
    findings: list[Finding]

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def level(self) -> Level:
        """Return the worst level found."""
        levels = {finding.level for finding in self.findings}
        return next(level for level in (Level.FAIL, Level.WARN, Level.OK) if level in levels)


def ok(check: str, detail: str) -> Finding:
    return Finding(level=Level.OK, check=check, detail=detail)


def warn(check: str, detail: str, advice: str = "") -> Finding:
    return Finding(level=Level.WARN, check=check, detail=detail, advice=advice)


def fail(check: str, detail: str, advice: str = "") -> Finding:
    return Finding(level=Level.FAIL, check=check, detail=detail, advice=advice)


def settings_findings(faults: Sequence[str], warnings: Sequence[str]) -> list[Finding]:
    advice = "Change the environment; .env.example explains every variable."
    found = [fail("settings", fault, advice) for fault in faults]
    found += [warn("settings", warning) for warning in warnings]
    return found or [ok("settings", "all variables add up")]


def obsolete_findings(environment: Iterable[str]) -> list[Finding]:
    present = [name for name in environment if name in OBSOLETE]
    found = [
        warn("settings", f"{name} is obsolete and ignored", f"Remove it; set {OBSOLETE[name]}.")
        for name in sorted(present)
    ]
    return found or [ok("settings", "no variables of the old backend")]


def server_finding(server: Server, database: str) -> Finding:
    detail = f"MongoDB {server.version}, database {database}, replica set {server.replica_set}"
    if server.replica_set is None:
        return fail(
            "mongodb",
            f"MongoDB {server.version} is a standalone server",
            "Deliveries are transactions: start it with --replSet and initiate the set.",
        )
    return ok("mongodb", detail)


def schema_findings(steps: Sequence[Step], missing: Sequence[str]) -> list[Finding]:
    pending = [step.name for step in steps if step.applied_at is None]
    partial = [step.name for step in steps if step.applied_at and not step.complete]
    found = []
    if pending:
        names = ", ".join(pending)
        found.append(fail("schema", f"not applied: {names}", "Run `pferdewert migrate up`."))
    if partial:
        found.append(
            warn(
                "schema",
                f"only in part: {', '.join(partial)}",
                "Duplicates in the site's data stand in the way of unique indexes; the log line "
                "unique_index_impossible counts them. It is tried again at every start.",
            )
        )
    if missing and not pending:
        found.append(
            fail(
                "schema",
                f"indexes are gone: {', '.join(missing)}",
                "Run `pferdewert migrate down` for their migration and `pferdewert migrate up`.",
            )
        )
    return found or [ok("schema", f"{len(steps)} migrations applied, indexes in place")]


def redis_findings(info: Mapping[str, object]) -> list[Finding]:
    """Judge Redis by its `INFO` (Redis docs: maxmemory_policy, aof_enabled)."""
    version = info.get("valkey_version") or info.get("redis_version") or "of unknown version"
    found = [ok("redis", f"server {version} answers")]
    policy = info.get("maxmemory_policy")
    if policy != "noeviction":
        found.append(
            warn(
                "redis",
                f"maxmemory-policy is {policy or 'not told'}",
                "Set it to noeviction: otherwise rings vanish when memory is short (they are "
                "repeated from the ledger, but late).",
            )
        )
    if str(info.get("aof_enabled")) != "1":
        found.append(
            warn(
                "redis",
                "no append-only file",
                "Set appendonly yes: otherwise a restart forgets rings, breakers and limits.",
            )
        )
    return found


def key_finding(key: KeyStanding) -> Finding:
    check = "openrouter"
    if key.remaining_usd is None:
        return ok(check, "the key is valid and has no limit of its own")
    left = f"the key is valid, {key.remaining_usd:.2f} USD left"
    if key.remaining_usd <= 0:
        return fail(check, left, "Raise the key's limit or buy credits at OpenRouter.")
    if key.remaining_usd < LITTLE_MONEY_USD:
        return warn(check, left, "Raise the key's limit soon.")
    return ok(check, left)


_VARIABLES: Final = ("PRIMARY_MODEL", "FALLBACK_MODEL", "TERTIARY_MODEL")


def slug_findings(
    specs: Sequence[ModelSpec], models: Sequence[ListedModel], today: date
) -> list[Finding]:
    """Compare the chain with OpenRouter's list; `specs` in the order of the chain."""
    variables = dict(zip((spec.slug for spec in specs), _VARIABLES, strict=False))
    found = []
    for concern in check_slugs(specs, models, today):
        judged = fail if concern.concern is Concern.UNKNOWN else warn
        advice = (
            f"Set {variables.get(concern.slug, 'the variable')} to another model; "
            "`pferdewert models list` shows the chain."
        )
        found.append(judged("models", f"{concern.slug}: {concern.detail}", advice))
    return found or [ok("models", f"{len(specs)} models of the chain are listed and stay")]


def direct_finding(variable: str, model: str, listed: Sequence[str]) -> Finding:
    """Judge a direct key by the models it may ask; dated snapshots count as the model."""
    check = variable.removesuffix("_API_KEY").lower()
    if any(name == model or name.startswith(f"{model}-") for name in listed):
        return ok(check, f"the key is valid and may ask {model}")
    return warn(
        check,
        f"the key is valid, but {model} is not among its {len(listed)} models",
        f"Set EMERGENCY_{check.upper()}_MODEL to one that is.",
    )


def clock_finding(who: str, ours: datetime, theirs: datetime) -> Finding:
    """Compare two clocks read at about the same moment."""
    skew = ours - theirs
    seconds = f"{skew.total_seconds():+.1f} s against {who}"
    advice = "Let this machine's clock be set by NTP."
    if abs(skew) > WRONG_CLOCK:
        return fail("clock", seconds, f"{advice} Stripe's signatures are refused beyond 300 s.")
    if abs(skew) > SLOW_CLOCK:
        return warn("clock", seconds, advice)
    return ok("clock", seconds)
