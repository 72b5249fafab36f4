"""`python -m sandbox`: serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import uvloop
from pydantic import ValidationError

from sandbox.app import running
from sandbox.outcomes import CHAT, MAIL, SERVICE, Outcome
from sandbox.scenario import Scenario

_DESCRIPTION = """\
A world to rehearse in: OpenRouter, Anthropic, OpenAI, Stripe and Resend in one process,
with scripted faults. Nothing leaves this machine.
"""

_EPILOG = """\
environment for the system under rehearsal, with BASE as printed at start:
  OPENROUTER_BASE_URL=BASE/api/v1   OPENAI_BASE_URL=BASE/v1   ANTHROPIC_BASE_URL=BASE
  STRIPE_API_BASE=BASE              RESEND_BASE_URL=BASE

control, while it runs:
  GET|PUT|PATCH /control/scenario    POST /control/reset    GET /control/health
  GET  /control/journal?kind=chat|reads|stripe|mail&since=SEQ&limit=N&needle=TEXT
  GET  /control/mails?since=SEQ&limit=N
  POST /control/stripe/sessions[/ID] POST /control/stripe/events[/ID]

one request only:  header  x-sandbox-outcome: NAME
scenario files:    see the head of sandbox/scenario.py
"""


def _arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8900, help="0 takes a free one (%(default)s)")
    parser.add_argument("--scenario", type=Path, metavar="FILE.json", help="opening scenario")
    parser.add_argument("--seed", type=int, help="overrides the scenario's seed")
    parser.add_argument(
        "--latency-scale", type=float, default=1.0, metavar="X", help="factor on every latency"
    )
    parser.add_argument("--list-outcomes", action="store_true", help="print them and stop")
    return parser.parse_args(argv)


def _scenario(path: Path | None, seed: int | None) -> Scenario:
    """Raises OSError for an unreadable file, ValidationError for a wrong one."""
    scenario = Scenario() if path is None else Scenario.model_validate_json(path.read_bytes())
    return scenario if seed is None else scenario.model_copy(update={"seed": seed})


def _listing() -> str:
    kinds = {"chat": CHAT, "stripe, reads": SERVICE, "mail": MAIL}
    return "".join(f"{title}\n{_lines(known.values())}" for title, known in kinds.items())


def _lines(outcomes: Iterable[Outcome]) -> str:
    return "".join(f"  {outcome.name:30} {outcome.summary}\n" for outcome in outcomes)


async def _serve(arguments: argparse.Namespace, scenario: Scenario) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    place = {"host": arguments.host, "port": arguments.port}
    async with running(scenario, **place, latency_scale=arguments.latency_scale) as base:
        sys.stdout.write(_ready(base))
        sys.stdout.flush()
        await stop.wait()


def _ready(base: str) -> str:
    return (
        f"sandbox ready: {base} openrouter={base}/api/v1 openai={base}/v1 "
        f"anthropic={base} stripe={base} resend={base} control={base}/control\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    if arguments.list_outcomes:
        sys.stdout.write(_listing())
        return 0
    try:
        scenario = _scenario(arguments.scenario, arguments.seed)
        uvloop.run(_serve(arguments, scenario))
    except (OSError, ValidationError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
