"""`make demo`: three orders through the whole system, live; then everything stops."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import FrameType
from typing import Any, Final

import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sandbox.client import SandboxControl
from sandbox.servers import ServerError
from sandbox.shop import DRESSAGE_HORSE, MOUNTAIN_HORSE, SHOW_JUMPER, Shop, open_database
from sandbox.stack import WEBHOOK_SECRET, Stack, StackError

Json = dict[str, Any]

FINAL: Final = frozenset({"delivered", "parked", "cancelled"})
ORDER_TIMEOUT_S: Final = 300.0
MODEL_LATENCY_S: Final = 3.0
STAGES: Final = ("preparing", "analyzing", "generating", "finalizing")


@dataclass(frozen=True, slots=True)
class Scene:
    """One order of the demo. `failing` makes the primary model fail before it."""

    title: str
    kind: str
    horse: Json
    failing: bool = False


SCENES: Final = (
    Scene("Eine Bewertung", "valuation", DRESSAGE_HORSE),
    Scene(
        "The primary model is down: the fallback answers", "valuation", MOUNTAIN_HORSE, failing=True
    ),
    Scene("Ein Wertgutachten", "certificate", SHOW_JUMPER),
)


class DemoError(RuntimeError):
    """An order did not end as it should; the message says which and how."""


def main() -> int:
    options = _options()
    console = Console()
    signal.signal(signal.SIGTERM, _as_interrupt)
    stack = Stack(live=options.live, announce=lambda line: console.print(f"[dim]· {line}[/dim]"))
    try:
        with stack.running():
            asyncio.run(_play(console, stack))
            console.print("[dim]· stopping everything and removing its data[/dim]")
    except KeyboardInterrupt:
        return 130
    except (StackError, ServerError, DemoError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.demo",
        description="Start everything, take three paid orders through the system, stop everything.",
    )
    parser.add_argument(
        "--live", action="store_true", help="use the real OpenRouter (needs OPENROUTER_API_KEY)"
    )
    return parser.parse_args()


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


async def _play(console: Console, stack: Stack) -> None:
    client, database = open_database(stack.mongodb_uri, stack.database)
    async with (
        client,
        httpx.AsyncClient(timeout=10, trust_env=False) as http,
        SandboxControl(stack.sandbox_url) as control,
    ):
        shop = Shop(database, control, http, web_url=stack.web_url, secret=WEBHOOK_SECRET)
        for scene in SCENES:
            console.rule(scene.title)
            await control.set_scenario(_scenario(scene, stack.env.get("PRIMARY_MODEL")))
            session_id = await shop.pay(scene.kind, scene.horse, email="kundin@example.org")
            answer = await shop.notify("checkout.session.completed", session_id)
            console.print(f"webhook answered {answer.status_code}: the job is durable")
            status = await _watch(console, shop, stack, session_id)
            await _report(console, shop, scene, status)
        mails = await control.mails()
        console.print(f"{len(mails)} mails recorded: one to each customer, one to the shop")


def _scenario(scene: Scene, primary: str | None) -> Json:
    rules: Json = {"*": {"latency": MODEL_LATENCY_S}}
    if scene.failing:
        failing = primary or "google/gemini-2.5-pro"
        rules[failing] = {"then": ["400_unknown_model"], "latency": 0.5}
    return {"models": rules}


async def _watch(console: Console, shop: Shop, stack: Stack, session_id: str) -> Json:
    """Show the order's progress as the result page would see it, until it is final."""
    began = time.monotonic()
    with Live(console=console, refresh_per_second=10, transient=True) as live:
        while True:
            status = await shop.status(session_id)
            elapsed = time.monotonic() - began
            live.update(_progress(status, elapsed))
            if status["state"] in FINAL:
                break
            if elapsed > ORDER_TIMEOUT_S:
                raise DemoError(f"no result after {elapsed:.0f} s\n{stack.last_words()}")
            stack.restart_the_dead()
            await asyncio.sleep(0.3)
    if status["state"] != "delivered":
        raise DemoError(f"the order ended {status['state']}\n{stack.last_words()}")
    return status


def _progress(status: Json, elapsed: float) -> Group:
    stage = status.get("stage")
    done = STAGES.index(stage) + 1 if stage in STAGES else 0
    line = Text.assemble(
        (f"{status['state']:<10}", "bold"),
        (f"{stage or '-':<12}", "cyan"),
        f"elapsed {elapsed:5.1f} s   ETA {status.get('eta_seconds') or 0:>3} s",
    )
    return Group(line, ProgressBar(total=len(STAGES), completed=done, width=60))


async def _report(console: Console, shop: Shop, scene: Scene, status: Json) -> None:
    job = await _job_with_mails(shop, scene.kind, status["session_id"])
    order = await shop.order(scene.kind, status["session_id"])
    if scene.kind == "valuation":
        console.print(Panel(Markdown(order["bewertung"]), title="bewertung", width=100))
    else:
        console.print(f"Zertifikat {order['zertifikatNummer']}")
        console.print_json(data=order["zertifikat_data"])
    usage = status["token_usage"]
    console.print(
        f"model served [bold]{order['ai_model_version']}[/bold] ({order['ai_model']}), "
        f"{usage['input_tokens']} + {usage['output_tokens']} tokens, "
        f"{usage['total_cost_usd']:.4f} USD, {status['response_time_ms']} ms"
    )
    console.print(_timeline(job, await shop.attempts(status["session_id"])))


async def _job_with_mails(shop: Shop, kind: str, session_id: str) -> Json:
    """Wait a moment for the mails: they follow the delivery."""
    job = await shop.job(kind, session_id)
    for _ in range(50):
        if all(mail["state"] != "pending" for mail in job["mails"].values()):
            break
        await asyncio.sleep(0.1)
        job = await shop.job(kind, session_id)
    return job


def _timeline(job: Json, attempts: list[Json]) -> Table:
    table = Table("s", "what happened", box=None, header_style="dim")
    for moment, what in sorted(_moments(job, attempts)):
        table.add_row(f"{(moment - job['created_at']).total_seconds():6.2f}", what)
    return table


def _moments(job: Json, attempts: list[Json]) -> Iterator[tuple[datetime, str]]:
    yield job["created_at"], "paid: event and job stored"
    yield job["started_at"], "claimed by a worker"
    for attempt in attempts:
        model = attempt["model_used"]
        how = "answered" if attempt["success"] else f"failed: {_cause(attempt)}"
        yield attempt["timestamp"], f"asked {model} ({attempt['model_tier']}): {how}"
    yield job["answer"]["accepted_at"], "answer accepted and journaled"
    yield job["delivered_at"], "written to the order"
    for who, mail in job["mails"].items():
        if mail.get("sent_at"):
            yield mail["sent_at"], f"mail to {who} sent"


def _cause(attempt: Json) -> str:
    details = attempt.get("error_details") or {}
    return str(details.get("error_code") or details.get("error_type") or attempt.get("verdict"))


if __name__ == "__main__":
    sys.exit(main())
