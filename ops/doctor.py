"""`pferdewert doctor`: every check runs, whatever the others found."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, Self

import typer
from pydantic import SecretStr, ValidationError, model_validator
from redis.exceptions import RedisError
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from config.clock import SystemClock
from config.loading import SettingsError, load
from config.settings import Settings
from domain.errors import Unavailable
from domain.ports import Clock
from ledger.connection import Connection, LedgerMisconfigured, connect
from ledger.migrations import status
from ledger.overview import Overview
from llm.accounts import anthropic_models, openai_models, openrouter_key
from llm.failures import FailureKind, ModelFailure
from llm.http import make_client
from ops.printing import AsJson, help_end, show
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
from ops.running import MAX_CONNECTIONS, Exit, guarded, make_redis, place
from payments.desk import StripeDesk, StripeRefused
from worker.wiring_chain import known_models, listed_stages, make_openrouter

_COLOURS: Final = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}

Findings = AsyncIterator[Finding]


class ReadableSettings(Settings):
    """The settings as far as they can be read, whether or not they add up.

    A server without an address is told so by its own check.
    """

    mongodb_uri: SecretStr = SecretStr("")
    redis_url: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class Told:
    """What the environment says, and what is wrong with it."""

    settings: Settings
    faults: Sequence[str]


def doctor(*, as_json: AsJson = False) -> None:
    """Check settings, servers, schema, keys, models and clocks. Costs nothing and changes nothing.

    Each line is ok, warn or fail and says what to do. Checks that need a broken part fail or are
    left out; all others still run.
    """
    checkup = guarded(lambda: examine(read_environment(), os.environ, SystemClock()))
    show(checkup, render, as_json=as_json)
    raise typer.Exit(Exit.FAILED if checkup.level is Level.FAIL else Exit.OK)


EPILOG: Final = help_end(
    "pferdewert doctor", codes="0 no failure, 1 at least one check failed", further=""
)


def read_environment() -> Told:
    """Read the settings; where they do not add up, keep what can be read."""
    try:
        return Told(load(), ())
    except SettingsError as error:
        faults = [line[4:] for line in str(error).splitlines() if line.startswith("  - ")]
    try:
        return Told(ReadableSettings(), faults)
    except ValidationError as error:
        unreadable = {str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}
    return Told(ReadableSettings(**{name: _default(name) for name in unreadable}), faults)


def _default(name: str) -> Any:
    return ReadableSettings.model_fields[name].get_default(call_default_factory=True)


async def examine(told: Told, environment: Mapping[str, str], clock: Clock) -> Checkup:
    """Run all checks, one after the other."""
    warnings = told.settings.warnings()
    findings = settings_findings(told.faults, warnings) + obsolete_findings(environment)
    async with AsyncExitStack() as stack:
        checks = Checks(told.settings, clock, stack)
        for name, check in checks.all():
            findings += await _findings_of(name, check)
    return Checkup(findings=findings)


async def _findings_of(name: str, check: Callable[[], Findings]) -> list[Finding]:
    """Collect a check's findings; what it raises is its last one."""
    found: list[Finding] = []
    try:
        async for finding in check():
            found.append(finding)  # noqa: PERF401 - what was found before an error counts
    except LedgerMisconfigured as error:
        found.append(fail(name, str(error)))
    except Unavailable as error:
        found.append(fail(name, str(error), "Start the server, or correct its address."))
    except StripeRefused as error:
        found.append(fail(name, str(error)))
    except ModelFailure as failure:
        found.append(fail(name, _describe(failure), _advice(name, failure)))
    except (RedisError, OSError) as error:
        advice = "Start Redis, or correct REDIS_URL. Meanwhile jobs are found by the rescue loop."
        found.append(fail(name, f"no answer: {type(error).__name__}", advice))
    except Exception as error:  # noqa: BLE001 - a broken check must not hide the others
        found.append(fail(name, f"the check itself failed: {type(error).__name__} {place(error)}"))
    return found


def _describe(failure: ModelFailure) -> str:
    status = f" ({failure.http_status})" if failure.http_status else ""
    return f"{failure.kind.value.replace('_', ' ')}{status}"


def _advice(name: str, failure: ModelFailure) -> str:
    if failure.kind is FailureKind.UNAUTHORIZED:
        return f"The {name} key is refused: make a new one and set it."
    if failure.kind is FailureKind.PAYMENT_REQUIRED:
        return f"Buy credits at {name}."
    return f"Check the network and the status page of {name}, then run the doctor again."


class Checks:
    """The checks that talk to somebody. What they open is closed with `stack`."""

    def __init__(self, settings: Settings, clock: Clock, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._clock = clock
        self._stack = stack
        self._http = make_client(
            connect_timeout=settings.connect_s, max_connections=MAX_CONNECTIONS
        )
        stack.push_async_callback(self._http.aclose)

    def all(self) -> Iterator[tuple[str, Callable[[], Findings]]]:
        yield "mongodb", self.mongodb
        yield "redis", self.redis
        yield "openrouter", self.openrouter
        yield "models", self.models
        yield "anthropic", self.anthropic
        yield "openai", self.openai
        yield "stripe", self.stripe

    async def mongodb(self) -> Findings:
        if not self._settings.mongodb_uri.get_secret_value():
            yield warn("mongodb", "not checked: MONGODB_URI cannot be used")
            return
        connection = self._connect()
        overview = Overview(connection)
        before = self._clock.now()
        server = await overview.server()
        between = before + (self._clock.now() - before) / 2
        yield server_finding(server, connection.name)
        yield clock_finding("MongoDB", between, server.time)
        for finding in schema_findings(await status(connection), await overview.missing_indexes()):
            yield finding

    async def redis(self) -> Findings:
        url = self._settings.redis_url.get_secret_value()
        if not url:
            yield warn("redis", "not checked: REDIS_URL cannot be used")
            return
        try:
            redis = make_redis(url)
        except ValueError:
            yield fail("redis", "REDIS_URL cannot be read", "It is like redis://127.0.0.1:6379/0.")
            return
        self._stack.push_async_callback(redis.aclose)
        for finding in redis_findings(await redis.info()):
            yield finding

    async def openrouter(self) -> Findings:
        settings = self._settings
        if not settings.use_openrouter or settings.openrouter_api_key is None:
            yield warn("openrouter", "not used: only the direct providers are asked")
            return
        key = await openrouter_key(
            self._http,
            base_url=settings.openrouter_base_url,
            api_key=settings.openrouter_api_key,
        )
        yield key_finding(key)
        if key.server_time is not None:
            yield clock_finding("OpenRouter", self._clock.now(), key.server_time)

    async def models(self) -> Findings:
        openrouter = make_openrouter(self._settings, self._http, self._clock)
        if openrouter is None:
            return
        known = known_models()
        stages = listed_stages(self._settings, openrouter)
        specs = [known.spec_for(stage.slug, stage.tier) for stage in stages]
        models = await openrouter.fetch_models()
        for finding in slug_findings(specs, models, self._clock.now().date()):
            yield finding

    async def anthropic(self) -> Findings:
        settings = self._settings
        if (key := settings.anthropic_api_key) is None:
            return
        models = await anthropic_models(
            self._http, base_url=settings.anthropic_base_url, api_key=key
        )
        yield direct_finding("ANTHROPIC_API_KEY", settings.emergency_anthropic_model, models)

    async def openai(self) -> Findings:
        settings = self._settings
        if (key := settings.openai_api_key) is None:
            return
        models = await openai_models(self._http, base_url=settings.openai_base_url, api_key=key)
        yield direct_finding("OPENAI_API_KEY", settings.emergency_openai_model, models)

    async def stripe(self) -> Findings:
        if (key := self._settings.stripe_api_key) is None:
            return
        await StripeDesk(self._http, base_url=self._settings.stripe_api_base, api_key=key).check()
        yield ok("stripe", "the key reads Checkout Sessions")

    def _connect(self) -> Connection:
        settings = self._settings
        connection = connect(settings.mongodb_uri, settings.mongodb_db, app_name="pferdewert-ops")
        self._stack.callback(connection.close)
        return connection


def render(checkup: Checkup) -> Iterator[RenderableType]:
    grid = Table.grid(padding=(0, 2))
    for finding in checkup.findings:
        level = Text(finding.level.value, style=_COLOURS[finding.level])
        grid.add_row(level, Text(finding.check), Text(finding.detail))
        if finding.advice:
            grid.add_row("", "", Text(f"-> {finding.advice}"))
    yield grid
    counts = [finding.level for finding in checkup.findings]
    yield ", ".join(f"{counts.count(level)} {level.value}" for level in Level)
