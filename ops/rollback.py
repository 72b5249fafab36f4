"""`pferdewert rollback`: away from OpenRouter while the workers run, and back."""

from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich.console import RenderableType

from ledger.switches import Switches
from ledger.workers import MongoPresence
from llm.accounts import openrouter_key
from llm.failures import ModelFailure
from ops.models import probe_table
from ops.printing import AsJson, help_end, moment, show
from ops.probing import Prober
from ops.reports.models import Probe
from ops.reports.rollback import Rollback, message_of
from ops.running import Desk, Refused, run, who

EFFECTIVE_WITHIN_S: Final = 5.0

EPILOG: Final = help_end(
    "pferdewert rollback",
    "pferdewert rollback --undo --force",
    codes="0 the switch stands as asked, 1 refused",
)


def rollback(
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Back to OpenRouter.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send all new orders to the direct providers, without a restart. PAID: one probe per key.

    Checks the direct path first and refuses when it does not work. Calls under way finish as
    they began. Workers follow within 5 seconds.
    """

    async def act(desk: Desk) -> Rollback:
        return await (turn_back(desk, force=force) if undo else turn_away(desk, force=force))

    show(run(act), render, as_json=as_json)


async def turn_away(desk: Desk, *, force: bool) -> Rollback:
    """Raises Refused when the direct path is closed."""
    prober = Prober(desk)
    if not prober.direct:
        raise Refused(
            "No direct provider has a key: set ANTHROPIC_API_KEY or OPENAI_API_KEY for the "
            "workers and for this command."
        )
    if (await Switches(desk.connection).direct_only()).on:
        return await _turn(desk, [], on=True)
    probes = [await prober.ask(stage, tier=stage.tier) for stage in prober.direct]
    if not any(probe.answered for probe in probes):
        failures = ", ".join(f"{probe.model}: {probe.error}" for probe in probes)
        raise Refused(f"No direct provider answers ({failures}): switching would help nobody.")
    _confirm("Send all new orders to the direct providers only?", force=force)
    return await _turn(desk, probes, on=True)


async def turn_back(desk: Desk, *, force: bool) -> Rollback:
    """Say first how OpenRouter stands; going back is allowed whatever it says."""
    if (await Switches(desk.connection).direct_only()).on:
        _confirm(f"{await _openrouter_word(desk)} Send new orders through it again?", force=force)
    return await _turn(desk, [], on=False)


async def _openrouter_word(desk: Desk) -> str:
    settings = desk.settings
    if settings.openrouter_api_key is None:
        return "OPENROUTER_API_KEY is not set here."
    try:
        await openrouter_key(
            desk.http, base_url=settings.openrouter_base_url, api_key=settings.openrouter_api_key
        )
    except ModelFailure as failure:
        return f"OpenRouter does not accept our key now ({failure.kind.value})."
    return "OpenRouter answers and accepts our key."


def _confirm(question: str, *, force: bool) -> None:
    if not force:
        typer.confirm(question, abort=True, err=True)


async def _turn(desk: Desk, probes: list[Probe], *, on: bool) -> Rollback:
    switches = Switches(desk.connection)
    before = await switches.direct_only()
    after = before if before.on == on else await switches.turn_direct_only(on=on, by=who())
    return Rollback(
        direct_only=after,
        changed=before.on != on,
        probes=probes,
        workers_alive=len(await MongoPresence(desk.connection).live()),
        effective_within_s=EFFECTIVE_WITHIN_S,
        message=message_of(after, changed=before.on != on),
    )


def render(report: Rollback) -> Iterator[RenderableType]:
    if report.probes:
        yield probe_table(report.probes)
    yield report.message
    if report.direct_only.since:
        yield f"Since {moment(report.direct_only.since)} by {report.direct_only.by}."
    yield (
        f"{report.workers_alive} workers are alive and follow within "
        f"{report.effective_within_s:g} s. `pferdewert status` shows the switch."
    )
