"""`pferdewert models`: what the chain is made of, and whether it answers."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import typer
from rich.console import RenderableType

from config.models import load_models
from domain.answer import Tier
from llm.chain import ModelStage
from llm.failures import ModelFailure
from llm.listing import ListedModel
from ops.printing import AsJson, help_end, show, table
from ops.probing import Prober
from ops.reports.models import ChainList, Probe, ProbeRun, chain_of
from ops.running import Desk, Exit, Refused, run

app = typer.Typer(no_args_is_help=True, help="What the chain is made of, and whether it answers.")

DEFAULT_PAUSE_S: Final = 1.0
MOST_USD_EACH: Final = 0.01


@app.command("list", epilog=help_end("pferdewert models list", "pferdewert models list --json"))
def list_(*, as_json: AsJson = False) -> None:
    """List the chain in its order, with prices, limits and the day a model disappears."""
    show(run(describe), render_list, as_json=as_json)


@app.command(
    "test",
    epilog=help_end(
        "pferdewert models test",
        "pferdewert models test --all --pause 3 --yes --json",
        codes="0 all answered, 1 one did not",
    ),
)
def probe_models(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Also the models of the table that the chain lacks.")
    ] = False,
    pause: Annotated[
        float, typer.Option(min=0, max=600, help="Seconds between two questions.")
    ] = DEFAULT_PAUSE_S,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before spending money.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask each model of the chain for one word. PAID: some hundredths of a cent each."""

    async def act(desk: Desk) -> ProbeRun:
        prober = Prober(desk)
        stages = stages_to_test(prober, every=every)
        if not stages:
            raise Refused("No model can be asked: no provider key is set.")
        if not yes:
            question = (
                f"Ask {len(stages)} models now? This costs up to about {MOST_USD_EACH} USD each."
            )
            typer.confirm(question, abort=True, err=True)
        return ProbeRun(probes=await _ask_all(desk, prober, stages, pause))

    report = run(act)
    show(report, render_run, as_json=as_json)
    raise typer.Exit(Exit.FAILED if report.failures else Exit.OK)


Asked = tuple[ModelStage, Tier | None]


def stages_to_test(prober: Prober, *, every: bool) -> list[Asked]:
    """Return what to ask, with the tier for members of the chain."""
    chain: list[Asked] = [(stage, stage.tier) for stage in prober.chain]
    if not every:
        return chain
    slugs = [slug for slug in load_models() if "/" in slug]
    return chain + [(stage, None) for stage in prober.others(slugs)]


async def describe(desk: Desk) -> ChainList:
    prober = Prober(desk)
    specs = [
        (prober.catalogue.spec_for(stage.slug, stage.tier), stage.caller.account)
        for stage in prober.chain
    ]
    return chain_of(specs, await _listing(prober), desk.clock.now().date())


async def _listing(prober: Prober) -> list[ListedModel] | None:
    """Read OpenRouter's list; None when it cannot be read, since the chain is known without."""
    if prober.openrouter is None:
        return None
    try:
        return await prober.openrouter.fetch_models()
    except ModelFailure:
        return None


async def _ask_all(
    desk: Desk, prober: Prober, stages: Sequence[Asked], pause_s: float
) -> list[Probe]:
    probes: list[Probe] = []
    for number, (stage, tier) in enumerate(stages, start=1):
        if probes:
            await desk.clock.sleep(pause_s)
        typer.echo(f"[{number}/{len(stages)}] {stage.slug} ...", err=True)
        probes.append(await prober.ask(stage, tier=tier))
    return probes


def render_list(report: ChainList) -> Iterator[RenderableType]:
    rows = [
        (
            line.tier.value,
            line.model,
            line.via,
            line.max_tokens,
            line.price_in,
            line.price_out,
            line.expires,
            "; ".join(line.concerns) or None,
        )
        for line in report.models
    ]
    columns = ("tier", "model", "via", "max tokens", "USD/M in", "USD/M out", "expires", "concerns")
    yield table("The chain", columns, rows)
    if not report.list_read:
        yield "OpenRouter's list was not read: prices are from our table, expiry is unknown."


def render_run(report: ProbeRun) -> Iterator[RenderableType]:
    yield probe_table(report.probes)
    average = f"{report.average_latency_ms} ms" if report.average_latency_ms else "-"
    yield (
        f"{report.success_rate:.0%} answered, average {average}, "
        f"{report.total_cost_usd:.6f} USD; fastest: {', '.join(report.fastest) or '-'}"
    )


def probe_table(probes: Sequence[Probe]) -> RenderableType:
    rows = [
        (
            probe.tier.value if probe.tier else None,
            probe.model,
            probe.via,
            "ok" if probe.answered else probe.error,
            f"{probe.latency_ms} ms",
            f"{probe.usage.cost_usd:.6f}",
        )
        for probe in probes
    ]
    return table("Probes", ("tier", "model", "via", "outcome", "latency", "USD"), rows)
